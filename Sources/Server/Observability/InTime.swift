/// Asks for something that must not keep its asker waiting: what does not come in time is left behind, cancelled.
///
/// Unlike a task group, it does not wait for the end of what it has cancelled.
enum InTime {
    /// - Returns: `nil` when it failed or took longer.
    static func value<Value: Sendable>(
        within limit: Duration, _ question: @escaping @Sendable () async throws -> Value
    ) async -> Value? {
        let (answers, continuation) = AsyncStream<Value?>.makeStream()
        let work = Task {
            do {
                continuation.yield(try await question())
            } catch {
                continuation.yield(nil)
            }
        }
        let clock = Task {
            try await Task.sleep(for: limit)
            continuation.yield(nil)
        }
        defer {
            work.cancel()
            clock.cancel()
        }
        for await answer in answers { return answer }
        return nil
    }
}
