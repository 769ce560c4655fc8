import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The lab as a service: listens on a loopback address and nowhere else, because whoever reaches it may change anything.
///
/// Runs inside any `ServiceGroup`; ends when that shuts down gracefully, after the requests under way.
package struct LabServer: Service {
    private let host: String
    private let port: Int
    private let store: LabStore
    private let nonce: String?
    private let logger: Logger
    private let onReady: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - listen: `127.0.0.1:9090`, `[::1]:0`, `localhost:9090`; port 0 takes a free one.
    ///   - stateFile: where the world survives restarts; `nil` keeps it in memory.
    ///   - world: what to begin with where there is no state file yet.
    ///   - nonce: a header of each answer, by which whoever started this lab knows it from others.
    ///   - onReady: called once with the bound port.
    /// - Throws: `LabError` `notLoopback` for any other address, `storage` for an unreadable file.
    package init(
        listen: String = "127.0.0.1:9090", stateFile: String? = nil, world: LabWorld = .standard,
        nonce: String? = nil, logger: Logger = Logger(label: "docket.lab"),
        onReady: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws(LabError) {
        (host, port) = try Self.loopback(listen)
        store = try LabStore(path: stateFile, initial: world)
        self.nonce = nonce
        self.logger = logger
        self.onReady = onReady
    }

    package func run() async throws {
        let ready = onReady
        let application = Application(
            responder: LabResponder(store: store, nonce: nonce),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "docket-lab"),
            onServerRunning: { channel in await ready(channel.localAddress?.port ?? 0) },
            logger: logger)
        try await application.run()
    }

    /// Serves until SIGTERM or SIGINT, or until its parent process has ended: the whole of `docket lab`.
    /// - Parameter parent: the id of the process that started this one; `nil`: of nobody.
    package static func run(
        listen: String = "127.0.0.1:9090", stateFile: String? = nil, nonce: String? = nil, parent: Int32? = nil,
        logger: Logger = Logger(label: "docket.lab"), onReady: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws {
        let server = try LabServer(
            listen: listen, stateFile: stateFile, nonce: nonce, logger: logger, onReady: onReady)
        var services = [ServiceGroupConfiguration.ServiceConfiguration(service: server)]
        if let parent {
            services.append(
                .init(service: ParentWatch(parent: parent), successTerminationBehavior: .gracefullyShutdownGroup))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    static func loopback(_ listen: String) throws(LabError) -> (host: String, port: Int) {
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw LabError(.notLoopback, "an address has the form 127.0.0.1:9090, not '\(listen)'")
        }
        var host = listen[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        let isLoopback = host == "::1" || octets.count == 4 && octets.first == 127 && !octets.contains(nil)
        guard isLoopback || host == "localhost" else {
            throw LabError(.notLoopback, "the lab listens on a loopback address only, not on '\(host)'")
        }
        return (isLoopback ? String(host) : "127.0.0.1", Int(port))
    }
}
