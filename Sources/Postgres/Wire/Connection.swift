/// One connection on its own thread: asynchronous outside, synchronous inside. A body hops to the thread once and then
/// makes plain blocking calls, with no suspension between them and so no interleaving.
actor Connection {
    private nonisolated let thread: ConnectionThread
    private let configuration: ConnectionConfiguration
    nonisolated let watch = CallWatch()
    private var wire: Wire?

    init(_ configuration: ConnectionConfiguration) throws(PostgresError) {
        thread = try ConnectionThread()
        self.configuration = configuration
    }

    deinit { thread.stop() }

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    func open() -> Result<Void, PostgresError> {
        do throws(PostgresError) {
            wire = try Wire(configuration, watch)
            return .success(())
        } catch {
            watch.close()
            return .failure(error)
        }
    }

    func close() { wire = nil }

    /// What became of a body, and whether the connection can be lent again.
    struct Outcome<T: Sendable>: Sendable {
        let result: Result<T, PostgresError>
        let isReusable: Bool
    }

    /// Runs a body on the connection's thread.
    func perform<T: Sendable>(
        _ token: CancelToken, _ body: @Sendable (Wire) throws(PostgresError) -> T
    ) -> Outcome<T> {
        guard let wire else {
            return Outcome(result: .failure(PostgresError(.closed, "the connection is closed")), isReusable: false)
        }
        guard !wire.isStale else {
            let error = PostgresError(.staleConnection, "the server has closed an idle connection")
            return Outcome(result: .failure(error), isReusable: false)
        }
        guard token.begin(wire) else {
            return Outcome(result: .failure(PostgresError(.cancelled, "the task is cancelled")), isReusable: true)
        }
        let result: Result<T, PostgresError>
        do throws(PostgresError) {
            result = .success(try body(wire))
        } catch  where error.sqlState == "57014" && token.isRequested {
            result = .failure(PostgresError(.cancelled, "the statement was cancelled", sqlState: error.sqlState))
        } catch {
            result = .failure(error)
        }
        token.end()
        return Outcome(result: result, isReusable: wire.isReusable && !token.wasSent)
    }
}
