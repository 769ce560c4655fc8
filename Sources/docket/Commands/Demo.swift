import ArgumentParser
import Cases
import Events
import Foundation
import JSON
import Reactors
import Response
import Server
import ServiceLifecycle
import Synchronization

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the server with a lab beside it and plays the demo stories through the real pipeline.",
        discussion: """
            Writes access.json (tokens of every role) into the data directory. A story that was played before is reported, \
            not played again; --fresh makes a new tenant. Keeps serving afterwards, unless --once is given.
            """)

    @Option(help: "Story letters, separated by commas; all by default.") var stories: String?
    @Flag(help: "End when the stories are played: status 0 when all ended as expected, else 2.") var once = false
    @Flag(help: "Play each story's near misses as well: changed a little, they must end otherwise.")
    var nearMisses = false
    @Flag(help: "Play for a new tenant.") var fresh = false
    @Option(help: "Divide every duration of the tenant's policy by this; the clock stays true.") var speed: Int64 = 1
    @Option(help: "text or json, one line a story.") var format = OutputFormat.text
    @Option(help: "Where the lab listens; by default on a free port.") var labListen = "127.0.0.1:0"
    @OptionGroup var options: ServerOptions

    func validate() throws {
        guard speed >= 1 else { throw ValidationError("--speed is at least 1") }
    }

    func run() async throws {
        let address = try options.address()
        try options.checkSecretsDirectory()
        try address.check()
        try ListenAddress(labListen, option: "--lab-listen").check()
        let selected = try Story.select(stories, withVariants: nearMisses)
        let logFile = try separateLog()
        let storage = try await Storage.open(options.storage, isOwner: true)
        do {
            // The demo's own lab is on loopback, which connectors may not reach otherwise.
            let assembly = try Assembly(
                storage: storage, options: options, extraNetworks: ["127.0.0.0/8", "::1/128"].compactMap(CIDR.init))
            try await Storage.whileStarting(storage.cluster) { try await assembly.prepare() }
            let lab = LabProcess(
                listen: labListen, dataDirectory: storage.dataDirectory, logFile: logFile, logger: assembly.logger)
            let (ports, ready) = AsyncStream<Int>.makeStream()
            var services = try assembly.services(
                Set(ServerOptions.Part.allCases), host: address.host, port: address.port
            ) { bound in
                ready.yield(bound)
                ready.finish()
            }
            services.append(lab)
            let result = Outcomes()
            let performance = Performance(once: once) {
                guard let bound = await ports.first(where: { _ in true }) else { return }
                let baseURL = "http://\(address.host):\(bound)"
                let stage = Stage(
                    storage: storage, baseURL: baseURL, labURL: try await lab.baseURL(), labNonce: lab.nonce,
                    speed: speed, isFresh: fresh)
                result.set(try await perform(selected, stage, logFile: logFile))
                if !once {
                    Terminal.tell([
                        "ready": true, "base_url": .string(baseURL), "pid": .integer(Int64(getpid())),
                    ])
                }
            }
            try await assembly.run(services, until: performance)
            if once, !result.areAsExpected { throw ExitCode(2) }
        } catch {
            try await storage.close()
            throw address.translated(error)
        }
    }

    /// In a terminal a person reads the account: the log goes into a file of the data directory.
    /// - Returns: that file; `nil` where the log stays on standard error.
    private func separateLog() throws -> String? {
        guard format == .text, Terminal.isInteractive, isatty(STDERR_FILENO) == 1 else { return nil }
        let directory = options.storage.resolvedDataDirectory
        // As the cluster would make it: its user must be able to enter.
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true,
            attributes: [.posixPermissions: geteuid() == 0 ? 0o755 : 0o700])
        let file = directory + "/demo.log"
        try Log.write(to: file)
        Terminal.note("Logs are written to \(file).")
        return file
    }

    /// Roles worth trying, and what each is for.
    private static let roles = [
        ("responder", "decides approvals, runs and undoes; responder2 is the second person"),
        ("analyst", "works on cases, asks for approval, decides none"),
        ("lead", "agrees to promotions, policies and standing approvals"),
        ("auditor", "sees everything, changes nothing"),
        ("reporter", "sees figures and no person"),
    ]

    private func perform(
        _ stories: [Story], _ stage: Stage, logFile: String?
    ) async throws -> [StoryPlayer.Outcome] {
        let access = try await stage.prepare(stories)
        let player = StoryPlayer(access: access, isQuiet: format == .json) { try await stage.confirmLab() }
        var outcomes: [StoryPlayer.Outcome] = []
        for story in stories {
            let outcome = try await player.play(story)
            outcomes.append(outcome)
            if format == .json { Terminal.tell(try JSONValue(encoding: outcome)) }
        }
        // With --once everything is gone a moment later.
        if format == .text, !once {
            Terminal.tell("")
            Terminal.tell(Terminal.bold("The queue: \(access.baseURL)/"))
            Terminal.tell("Log in with the token of a role; each is another person:")
            for (role, what) in Self.roles {
                Terminal.tell(
                    "  \(role.padding(toLength: 11, withPad: " ", startingAt: 0))\(what)\n"
                        + Terminal.dim("             jq -r .tokens.\(role) \(access.path)"))
            }
            Terminal.tell("API: \(access.baseURL)/openapi.json   lab: \(access.labURL)/v1/state")
            if let logFile { Terminal.tell("Logs: \(logFile)") }
            Terminal.tell("Docket keeps serving; Ctrl-C ends it.")
        }
        return outcomes
    }
}

/// What the stories came to, for the exit status.
private final class Outcomes: Sendable {
    private let value = Mutex<[StoryPlayer.Outcome]?>(nil)

    func set(_ outcomes: [StoryPlayer.Outcome]) { value.withLock { $0 = outcomes } }
    var areAsExpected: Bool { value.withLock { $0?.allSatisfy(\.isAsExpected) ?? false } }
}

/// Plays the stories beside the running services; ends them all when it was asked to play once.
private struct Performance: Service {
    let once: Bool
    let play: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await play()
            } catch is CancellationError {
                return
            }
        }
        if !once { await untilShutdown() }
    }
}
