import Events
import SeededChance

/// The people and things of a large company, by site. Numbers are drawn, so the same thing comes up again now and then.
struct Population {
    struct Site {
        var name: String
        var region: String
        /// When its working day begins, in hours of UTC.
        var morning: Int
    }

    static let sites = [
        Site(name: "syd", region: "ap-southeast-2", morning: 22),
        Site(name: "sin", region: "ap-southeast-1", morning: 1),
        Site(name: "fra", region: "eu-central-1", morning: 7), Site(name: "lon", region: "eu-west-2", morning: 8),
        Site(name: "nyc", region: "us-east-1", morning: 13), Site(name: "sfo", region: "us-west-1", morning: 16),
    ]

    private static let initials = Array("abcdefghijklmnoprstvwyz")
    private static let names = [
        "okafor", "lindqvist", "moreau", "tanaka", "novak", "haddad", "silva", "kowalski", "murphy", "iyer", "schmidt",
        "costa", "jensen", "petrov", "nguyen", "garcia", "rossi", "weber", "khan", "olsen",
    ]

    /// How many times the company of a day of 3,200 alerts it is.
    let scale: Double

    func site(_ chance: inout SeededGenerator) -> Site { Self.sites.randomElement(using: &chance) ?? Self.sites[0] }

    private func number(_ size: Int, _ chance: inout SeededGenerator) -> Int {
        Int.random(in: 0..<max(8, Int(Double(size) * scale)), using: &chance)
    }

    func user(_ chance: inout SeededGenerator) -> String {
        let number = number(9_000, &chance)
        let initial = Self.initials[number % Self.initials.count]
        let name = Self.names[number / Self.initials.count % Self.names.count]
        let rest = number / (Self.initials.count * Self.names.count)
        return "\(initial).\(name)" + (rest == 0 ? "" : "\(rest)")
    }

    func workstation(_ site: Site, _ chance: inout SeededGenerator) -> String {
        "\(site.name)-ws-\(number(1_600, &chance))"
    }
    func server(_ site: Site, _ chance: inout SeededGenerator) -> String { "\(site.name)-srv-\(number(120, &chance))" }
    func workload(_ chance: inout SeededGenerator) -> String {
        let teams = ["shop", "pay", "search", "data", "mail", "media"]
        return "\(teams.randomElement(using: &chance) ?? "shop")/app-\(number(150, &chance))"
    }
    func bucket(_ chance: inout SeededGenerator) -> String { "sg-\(number(600, &chance))" }
    func token(_ chance: inout SeededGenerator) -> String { "tok-\(number(900, &chance))" }
    func repository(_ chance: inout SeededGenerator) -> String { "acme/repo-\(number(400, &chance))" }
    func outsider(_ chance: inout SeededGenerator) -> String {
        let nets = ["203.0.113", "198.51.100", "192.0.2"]
        // Documentation networks are small: ports of a carrier's gateway tell attackers apart no better in life.
        let number = number(40_000, &chance)
        return number < 700
            ? "\(nets[number % 3]).\(1 + number / 3)"
            : "2001:db8:\(String(number / 65_536, radix: 16)):\(String(number % 65_536, radix: 16))::1"
    }
    func domain(_ chance: inout SeededGenerator) -> String { "cdn-\(number(30_000, &chance)).example.net" }

    /// What half a site goes through: named in many alerts and never what they are about.
    func gateway(_ site: Site, _ chance: inout SeededGenerator) -> Entity {
        Entity(type: .ip, value: "10.\(site.morning).\(hub(&chance)).1", role: .related)
    }
    func controller(_ site: Site, _ role: Entity.Role = .related, _ chance: inout SeededGenerator) -> Entity {
        Entity(type: .device, value: "\(site.name)-dc-\(hub(&chance))", role: role)
    }
    func account(_ site: Site, _ chance: inout SeededGenerator) -> Entity {
        Entity(type: .cloudAccount, value: "11112222\(site.morning + 10)\(10 + hub(&chance))", role: .related)
    }

    /// One of each a site in a company of scale 1.
    private func hub(_ chance: inout SeededGenerator) -> Int { Int.random(in: 0..<hubs, using: &chance) }
    private var hubs: Int { max(1, Int(scale.rounded())) }

    /// Every domain controller: what whoever runs the company knows to be in many alerts.
    var controllers: [String] {
        Self.sites.flatMap { site in (0..<hubs).map { "\(site.name)-dc-\($0)" } }
    }
}
