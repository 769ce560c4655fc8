import Events
import SeededChance

/// The alerts of one thing that happens, in order. The incidents follow the demo's stories, and go on where those end.
struct Stages {
    struct Stage {
        var afterMs: Int64
        var source: String
        var title: String
        var rule: String
        var entities: [Entity]
        var severity: Severity = .high
        var pattern: String?
        var confidence: Int?
        var techniques: [String] = []
    }

    var site: Population.Site
    var environment: DeploymentEnvironment = .production
    var list: [Stage] = []

    private static let minute: Int64 = 60_000

    static func incident(_ number: Int, _ all: Population, _ chance: inout SeededGenerator) -> Stages {
        switch number % 8 {
        case 0: takeover(all, &chance)
        case 1: miner(all, &chance)
        case 2: openPort(all, &chance)
        case 3: leakedToken(all, &chance)
        case 4: movingWorkload(all, &chance)
        case 5: spray(all, &chance)
        case 6: ransomware(all, &chance)
        default: phishing(all, &chance)
        }
    }

    /// Adds a stage some minutes after the one before.
    private mutating func then(
        _ minutes: ClosedRange<Int64>, _ chance: inout SeededGenerator, _ source: String, _ rule: String,
        _ title: String, _ severity: Severity = .high, _ techniques: [String] = [], _ entities: [Entity]
    ) {
        let pause = Int64.random(
            in: minutes.lowerBound * Self.minute...minutes.upperBound * Self.minute, using: &chance)
        list.append(
            Stage(
                afterMs: (list.last?.afterMs ?? 0) + pause, source: source, title: title, rule: rule,
                entities: entities,
                severity: severity, techniques: techniques))
    }

    private static func entity(_ type: Entity.EntityType, _ value: String, _ role: Entity.Role = .target) -> Entity {
        Entity(type: type, value: value, role: role)
    }

    /// Story a, and what comes after the command in the pod.
    private static func takeover(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let (address, user) = (all.outsider(&chance), all.user(&chance))
        let (bastion, pod) = (all.server(stages.site, &chance), all.workload(&chance))
        stages.then(
            0...0, &chance, "siem", "ssh-guess", "Twelve failed logons, then one that succeeds", .high, ["T1110"],
            [entity(.ip, address, .actor), entity(.device, bastion), all.gateway(stages.site, &chance)])
        stages.then(
            1...6, &chance, "siem", "pod-exec", "A command in a pod by whoever just logged on", .high, ["T1609"],
            [entity(.ip, address, .actor), entity(.workload, pod), entity(.user, user, .actor)])
        for _ in 0..<Int.random(in: 2...6, using: &chance) {
            stages.then(
                1...25, &chance, "edr", "pod-shell", "A shell in a container reads secrets", .high, ["T1552"],
                [entity(.workload, pod), entity(.user, user, .related), entity(.process, "sh", .related)])
        }
        stages.then(
            5...50, &chance, "ndr", "beacon", "Regular connections to an unknown host", .medium, ["T1071"],
            [entity(.workload, pod, .actor), entity(.domain, all.domain(&chance))])
        return stages
    }

    /// Story b: several sensors see the same miner.
    private static func miner(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let (pod, token) = (all.workload(&chance), all.token(&chance))
        stages.then(
            0...0, &chance, "edr", "known-miner", "A pod mines for somebody else", .high, ["T1496"],
            [entity(.workload, pod), entity(.apiToken, token)])
        stages.list[0].pattern = "kubernetes.cryptomining"
        stages.list[0].confidence = 98
        for _ in 0..<Int.random(in: 2...5, using: &chance) {
            stages.then(
                1...20, &chance, "ndr", "pool-traffic", "Traffic to a mining pool", .medium, ["T1496"],
                [entity(.workload, pod, .actor), entity(.namespace, "shop", .related)])
        }
        stages.then(
            2...30, &chance, "cloud-posture", "token-abuse", "A token is used from a new place", .medium, ["T1078"],
            [entity(.apiToken, token, .actor), entity(.ip, all.outsider(&chance), .actor)])
        return stages
    }

    /// Story c, found by posture, by a scanner and by whoever came in.
    private static func openPort(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let group = all.bucket(&chance)
        stages.then(
            0...0, &chance, "cloud-posture", "open-admin-port", "Port 22 open to the world", .high, ["T1190"],
            [
                entity(.cloudResource, group), all.account(stages.site, &chance),
                entity(.user, all.user(&chance), .actor),
            ])
        stages.list[0].pattern = "cloud.open_admin_port"
        stages.list[0].confidence = 97
        for _ in 0..<Int.random(in: 2...7, using: &chance) {
            stages.then(
                2...40, &chance, "ndr", "port-probe", "An open port is tried", .medium, ["T1046"],
                [
                    entity(.cloudResource, group), entity(.ip, all.outsider(&chance), .actor),
                    all.account(stages.site, &chance),
                ])
        }
        return stages
    }

    /// Story d: the token is used, and what it was used for.
    private static func leakedToken(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance), environment: .development)
        let (token, user, address) = (all.token(&chance), all.user(&chance), all.outsider(&chance))
        stages.then(
            0...0, &chance, "secret-scanner", "token-leak", "An access token stands in a public repository", .high,
            ["T1552.001"], [entity(.apiToken, token), entity(.user, user, .related)])
        stages.list[0].pattern = "identity.token_leak"
        stages.list[0].confidence = 99
        for _ in 0..<Int.random(in: 1...4, using: &chance) {
            stages.then(
                3...45, &chance, "idp", "token-new-place", "A token is used from a new place", .high, ["T1078"],
                [
                    entity(.apiToken, token, .actor), entity(.ip, address, .actor),
                    entity(.repository, all.repository(&chance)),
                ])
        }
        stages.then(
            1...30, &chance, "idp", "impossible-travel", "A user is in two places at once", .medium, ["T1078"],
            [entity(.user, user), entity(.ip, address, .actor)])
        return stages
    }

    /// Story f, as far as the attacker gets.
    private static func movingWorkload(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        var here = all.workload(&chance)
        for _ in 0..<Int.random(in: 4...10, using: &chance) {
            let next = all.workload(&chance)
            stages.then(
                1...30, &chance, "edr", "probing-shell", "A shell in one pod probes its neighbour", .critical,
                ["T1021"], [entity(.workload, here), entity(.workload, next, .related)])
            if Bool.random(using: &chance) { here = next }
        }
        return stages
    }

    /// One address tries many accounts; some of them answer.
    private static func spray(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let address = all.outsider(&chance)
        for number in 0..<Int.random(in: 6...18, using: &chance) {
            stages.then(
                0...9, &chance, "idp", number % 5 == 4 ? "spray-success" : "spray",
                number % 5 == 4 ? "A tried account logs on" : "Failed logons of one account from a new address",
                .medium,
                ["T1110.003"],
                [
                    entity(.ip, address, .actor), entity(.user, all.user(&chance)),
                    all.controller(stages.site, .related, &chance),
                ])
        }
        return stages
    }

    /// One account, many machines.
    private static func ransomware(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let user = all.user(&chance)
        stages.then(
            0...0, &chance, "edr", "mass-logon", "One account logs on to many machines", .high, ["T1078"],
            [
                entity(.user, user, .actor), entity(.device, all.workstation(stages.site, &chance)),
                all.controller(stages.site, .related, &chance),
            ])
        for _ in 0..<Int.random(in: 5...16, using: &chance) {
            stages.then(
                0...4, &chance, "edr", "mass-encryption", "Files are rewritten faster than people write", .critical,
                ["T1486"],
                [
                    entity(.device, all.workstation(stages.site, &chance)), entity(.user, user, .actor),
                    entity(.process, "enc.exe", .related),
                ])
        }
        return stages
    }

    /// A mail, a machine, another machine, a server, and out. Between the stages it may be quiet for longer than an hour.
    private static func phishing(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let (user, site) = (all.user(&chance), stages.site)
        let (first, second) = (all.workstation(site, &chance), all.workstation(site, &chance))
        let (server, outside) = (all.server(site, &chance), all.domain(&chance))
        stages.then(
            0...0, &chance, "mail", "phish", "A mail leads to a false logon page", .medium, ["T1566"],
            [entity(.user, user), entity(.domain, outside, .actor)])
        stages.then(
            2...50, &chance, "edr", "macro", "A document starts a shell", .high, ["T1204"],
            [entity(.device, first), entity(.user, user), entity(.process, "winword.exe", .related)])
        for _ in 0..<Int.random(in: 1...3, using: &chance) {
            stages.then(
                2...40, &chance, "edr", "dump", "Credentials are read from memory", .high, ["T1003"],
                [entity(.device, first), entity(.process, "lsass.exe")])
        }
        stages.then(
            5...80, &chance, "siem", "lateral", "A logon from a workstation to a workstation", .high, ["T1021"],
            [entity(.device, first, .actor), entity(.device, second), all.controller(site, .related, &chance)])
        stages.then(
            5...80, &chance, "edr", "remote-service", "A service is made from afar", .high, ["T1569"],
            [entity(.device, second, .actor), entity(.device, server)])
        stages.then(
            5...60, &chance, "ndr", "exfiltration", "Much data leaves to a new host", .critical, ["T1048"],
            [entity(.device, server, .actor), entity(.domain, outside)])
        return stages
    }

    /// A rule that speaks about the same thing all day.
    static func repeated(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let thing =
            switch Int.random(in: 0..<4, using: &chance) {
            case 0: [entity(.device, all.server(stages.site, &chance)), entity(.user, "svc-backup", .related)]
            case 1: [entity(.ip, all.outsider(&chance), .actor), all.gateway(stages.site, &chance)]
            case 2: [entity(.device, all.workstation(stages.site, &chance)), entity(.user, all.user(&chance))]
            default: [entity(.cloudResource, all.bucket(&chance)), all.account(stages.site, &chance)]
            }
        let rule = "noise-\(Int.random(in: 0..<40, using: &chance))"
        for _ in 0..<Int.random(in: 6...20, using: &chance) {
            stages.then(8...50, &chance, "siem", rule, "A rule that speaks all day", .medium, [], thing)
        }
        return stages
    }

    /// Two or three products saw the same.
    static func pair(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let (user, device) = (all.user(&chance), all.workstation(stages.site, &chance))
        stages.then(
            0...0, &chance, "edr", "unusual-tool", "A tool that administrators use", .medium, ["T1218"],
            [entity(.device, device), entity(.user, user, .actor)])
        stages.then(
            0...10, &chance, "siem", "unusual-tool-siem", "The same, from the event log", .medium, ["T1218"],
            [entity(.device, device), entity(.process, "psexec.exe")])
        if Int.random(in: 0..<3, using: &chance) == 0 {
            stages.then(
                1...30, &chance, "idp", "step-up-denied", "A second factor is refused", .low, [],
                [entity(.user, user), all.gateway(stages.site, &chance)])
        }
        return stages
    }

    /// Nothing else belongs to it. One in four is below what opens a case.
    static func lone(_ all: Population, _ chance: inout SeededGenerator) -> Stages {
        var stages = Stages(site: all.site(&chance))
        let site = stages.site
        let severity: Severity = Int.random(in: 0..<4, using: &chance) == 0 ? .low : .medium
        switch Int.random(in: 0..<6, using: &chance) {
        case 0:
            stages.then(
                0...0, &chance, "edr", "odd-binary", "An unknown program", severity, [],
                [entity(.device, all.workstation(site, &chance)), entity(.user, all.user(&chance))])
        case 1:
            stages.then(
                0...0, &chance, "idp", "new-device", "A logon from a new device", severity, [],
                [
                    entity(.user, all.user(&chance)), entity(.ip, all.outsider(&chance), .actor),
                    all.gateway(site, &chance),
                ])
        case 2:
            stages.then(
                0...0, &chance, "ndr", "scan", "An address tries many ports", severity, ["T1046"],
                [entity(.ip, all.outsider(&chance), .actor), all.gateway(site, &chance)])
        case 3:
            stages.then(
                0...0, &chance, "siem", "kerberoast", "Many service tickets in a minute", severity, ["T1558"],
                [entity(.user, all.user(&chance), .actor), all.controller(site, .target, &chance)])
        case 4:
            stages.then(
                0...0, &chance, "cloud-posture", "public-bucket", "A bucket that everybody may read", severity, [],
                [entity(.cloudResource, all.bucket(&chance)), all.account(site, &chance)])
        default:
            // Story e: no attack, and looks like one.
            stages.then(
                0...0, &chance, "ndr", "fan-out", "One workload reaches into many namespaces", severity, ["T1021"],
                [entity(.workload, all.workload(&chance)), entity(.user, all.user(&chance), .actor)]
                    + (1...5).map { entity(.namespace, "ns-\($0)", .related) })
        }
        return stages
    }
}
