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
        let known = Part.allCases.map(\.rawValue).joined(separator: ", ")
        let names = roles.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        guard !names.isEmpty else {
            throw ValidationError("--roles names no part: give 'all', or some of \(known)")
        }
        return try Set(
            names.map { name in
                guard let part = Part(rawValue: name) else {
                    throw ValidationError("--roles: there is no part '\(name)'; there are \(known)")
                }
                return part
            })
    }

    func address() throws -> ListenAddress {
        try ListenAddress(listen, option: "--listen")
    }

    /// A misspelt directory would look like connectors whose secrets are missing, one by one, much later.
    func checkSecretsDirectory() throws {
        guard let secretsDir else { return }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: secretsDir, isDirectory: &isDirectory) else {
            throw CommandFailure("--secrets-dir: there is no directory \(secretsDir)")
        }
        guard isDirectory.boolValue, FileManager.default.isReadableFile(atPath: secretsDir) else {
            throw CommandFailure("--secrets-dir: \(secretsDir) is not a directory that this user may read")
        }
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
