import ArgumentParser
import Foundation
import JSON
import Reactors

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the server.",
        discussion: """
            Prints one JSON line on standard output when it is ready. Logs are JSON lines on standard error. SIGTERM or \
            SIGINT end it gracefully; after a kill it goes on where the log says.
            """)

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let address = try options.address()
        let parts = try options.parts()
        try options.checkSecretsDirectory()
        let isListening = parts.contains(.api) || parts.contains(.intake)
        if isListening { try address.check() }
        let storage = try await Storage.open(options.storage, isOwner: true)
        do {
            let assembly = try Assembly(storage: storage, options: options)
            try await Storage.whileStarting(storage.cluster) { try await assembly.prepare() }
            let services = try assembly.services(parts, host: address.host, port: address.port) { bound in
                Terminal.tell([
                    "ready": true, "base_url": .string("http://\(address.host):\(bound)"),
                    "pid": .integer(Int64(getpid())),
                ])
            }
            try await assembly.run(services)
        } catch {
            try await storage.close()
            throw address.translated(error)
        }
    }
}
