package import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP side of Docket, assembled from values: run it as a service, or give its application to a test.
///
///     let server = DocketServer(dependencies: dependencies, configuration: ServerConfiguration(port: 0))
///     try await server.run()                                // in a ServiceGroup
///     try await server.application().test(.router) { … }    // in process
///
/// Ends on graceful shutdown: requests under way are answered, event streams are closed, denied attempts that are still
/// only counted are written down. What takes longer than `shutdownGrace` is cancelled.
package struct DocketServer: Service {
    let services: ServerServices
    let configuration: ServerConfiguration

    package init(dependencies: ServerDependencies, configuration: ServerConfiguration = ServerConfiguration()) {
        services = ServerServices(dependencies, configuration)
        self.configuration = configuration
    }

    /// Every route, for the test that holds the API's description against it.
    package var endpoints: [EndpointDescription] { RouteTable(services).endpoints }

    package func application() -> some ApplicationProtocol {
        let onReady = configuration.onReady
        return Application(
            responder: RouteTable(services).router().buildResponder(),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "docket"),
            services: [
                services.denials,
                Housekeeping(
                    store: services.idempotency, log: services.log, clock: services.clock, logger: services.logger),
                RegistryKeeper(registries: services.registries, logger: services.logger),
            ],
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? 0) },
            logger: services.logger)
    }

    package func run() async throws {
        do {
            try services.exports.removeUnfinished()
        } catch {
            services.logger.warning("what unfinished exports left is not removed", metadata: ["error": "\(error)"])
        }
        let grace = configuration.shutdownGrace
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await application().run()
                return true
            }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: grace)
                return false
            }
            // The server's end comes first, or its time is up.
            if try await group.next() == false {
                services.logger.warning("requests that are still under way are given up")
            }
            group.cancelAll()
            do {
                while try await group.next() != nil {}
            } catch is CancellationError {
                return
            }
        }
    }
}
