import ArgumentParser
import Foundation
import JSON
import Lab

struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "A small world of hosts, users, tokens, security groups and pods to act on and to restore.",
        discussion: "Listens on loopback only. Demo, drills and tests use it as the outside world.")

    @Option(help: "Address and port; port 0 picks one.") var listen = "127.0.0.1:9090"
    @Option(help: "Keep the state in this file, so that it survives a restart.") var state: String?
    @Option(help: "Give this text as the header Docket-Lab-Nonce of each answer, so that whoever started it knows it.")
    var nonce: String?
    @Option(help: "End when the process with this id, which started it, ends.") var parent: Int32?

    func run() async throws {
        let host = listen.split(separator: ":").dropLast().joined(separator: ":")
        try ListenAddress(listen, option: "--listen").check()
        try await LabServer.run(
            listen: listen, stateFile: state, nonce: nonce, parent: parent, logger: Log.logger("docket.lab")
        ) { port in
            Terminal.tell([
                "ready": true, "base_url": .string("http://\(host):\(port)"),
                "pid": .integer(Int64(getpid())),
            ])
        }
    }
}
