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
/// only counted are written down.
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
        try await application().run()
    }
}
