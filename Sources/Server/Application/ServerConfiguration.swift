/// How the server listens, and where its patience ends.
package struct ServerConfiguration: Sendable {
    package var host: String
    /// 0 takes a free one.
    package var port: Int
    /// Names that a request may give in `Host`; `nil` lets every one pass. Set it where names can be rebound.
    package var allowedHosts: Set<String>?
    package var limits: RequestLimits
    /// Between two signs of life on a quiet event stream.
    package var heartbeat: Duration
    /// Event streams at the same time; more are refused with 429.
    package var streamsMaximum: Int
    /// Telemetry requests at the same time; more are refused with 503 before their bodies are read.
    package var largeBodiesMaximum: Int
    /// How long `?min_position=` waits.
    package var positionTimeout: Duration
    /// How often denied attempts are written down.
    package var denialInterval: Duration
    /// How long requests under way may take to end once the server is told to; then they are cancelled.
    package var shutdownGrace: Duration
    /// Whether long work ends when its client leaves. Only where requests come from real connections.
    package var watchesClients = false
    /// Called once with the bound port.
    package var onReady: @Sendable (Int) async -> Void

    package init(
        host: String = "127.0.0.1", port: Int = 8080, allowedHosts: Set<String>? = nil,
        limits: RequestLimits = RequestLimits(), heartbeat: Duration = .seconds(15), streamsMaximum: Int = 256,
        largeBodiesMaximum: Int = 4,
        positionTimeout: Duration = .seconds(5), denialInterval: Duration = .seconds(1),
        shutdownGrace: Duration = .seconds(3),
        onReady: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.allowedHosts = allowedHosts
        self.limits = limits
        self.heartbeat = heartbeat
        self.streamsMaximum = streamsMaximum
        self.largeBodiesMaximum = largeBodiesMaximum
        self.positionTimeout = positionTimeout
        self.denialInterval = denialInterval
        self.shutdownGrace = shutdownGrace
        self.onReady = onReady
    }
}

/// What a request may hold, in bytes after decompression (contract §0).
package struct RequestLimits: Sendable, Hashable {
    package var singleBytes: Int
    package var batchBytes: Int
    package var batchItems: Int
    package var telemetryBytes: Int
    /// Bytes out for each byte in.
    package var compressionRatio: Int

    package init(
        singleBytes: Int = 1 << 20, batchBytes: Int = 32 << 20, batchItems: Int = 10_000,
        telemetryBytes: Int = 64 << 20,
        compressionRatio: Int = 100
    ) {
        self.singleBytes = singleBytes
        self.batchBytes = batchBytes
        self.batchItems = batchItems
        self.telemetryBytes = telemetryBytes
        self.compressionRatio = compressionRatio
    }
}
