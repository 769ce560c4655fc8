import ArgumentParser
import Foundation
import Response

/// What `serve` and `demo` share.
struct ServerOptions: ParsableArguments {
    /// The parts of a server that may run in processes of their own.
    enum Part: String, CaseIterable, Sendable { case api, intake, reactors, projections, timers, sealer }

    @Option(help: "Address and port; port 0 picks one.") var listen = "127.0.0.1:8080"
    @Option(
        help: "'all', or parts of a server, separated by commas: api, intake, reactors, projections, timers, sealer.")
    var roles = "all"
    @Option(help: "Sigma rules that hold for every tenant: a file or a folder; repeatable.") var rules: [String] = []
    @Option(help: "Secrets of connectors: <dir>/<tenant id>/<name>, mode 0600.") var secretsDir: String?
    @Option(help: "Networks (CIDR) that connectors may reach though they are private or loopback; repeatable.")
    var allowConnectorNetwork: [String] = []
    @OptionGroup var storage: StorageOptions

    func parts() throws -> Set<Part> {
        if roles == "all" { return Set(Part.allCases) }
        return try Set(
            roles.split(separator: ",").map { name in
                guard let part = Part(rawValue: String(name)) else {
                    throw ValidationError(
                        "--roles: there is no part '\(name)'; there are \(Part.allCases.map(\.rawValue).joined(separator: ", "))"
                    )
                }
                return part
            })
    }

    func address() throws -> (host: String, port: Int) {
        let pieces = listen.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count >= 2, let port = Int(pieces[pieces.count - 1]), (0...65_535).contains(port) else {
            throw ValidationError("--listen is ADDRESS:PORT, for example 127.0.0.1:8080")
        }
        let host = pieces.dropLast().joined(separator: ":").trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return (host.isEmpty ? "127.0.0.1" : host, port)
    }

    func networks() throws -> [CIDR] {
        try allowConnectorNetwork.map { text in
            guard let network = CIDR(text) else {
                throw ValidationError("--allow-connector-network: '\(text)' is no network such as 10.20.0.0/16")
            }
            return network
        }
    }
}
