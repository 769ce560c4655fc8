/// Which texts a connection has prepared. A text is prepared the second time that it is met, so that statements used
/// once cost no extra round trip; names never come back, so a stale one cannot be mistaken for a new one.
struct StatementCache {
    enum Verdict: Equatable {
        case direct
        case prepare(String)
        case prepared(String)
    }

    private struct Key: Hashable {
        let sql: String
        let types: [UInt32]
    }

    static let preparedMaximum = 256
    static let metMaximum = 1024

    private var met: Set<Key> = []
    private var prepared: [Key: String] = [:]
    private var lastName = 0
    private var isInvalid = false

    /// Whether the server's statements should be dropped at the next chance outside a transaction.
    var isOverfull: Bool { isInvalid || prepared.count >= Self.preparedMaximum }

    mutating func meet(_ query: Query) -> Verdict {
        let key = Key(sql: query.sql, types: query.parameters.types)
        if let name = prepared[key] { return .prepared(name) }
        if met.contains(key) {
            if isOverfull { return .direct }
            lastName += 1
            return .prepare("s\(lastName)")
        }
        if met.count >= Self.metMaximum { met.removeAll(keepingCapacity: true) }
        met.insert(key)
        return .direct
    }

    mutating func keep(_ query: Query, as name: String) {
        prepared[Key(sql: query.sql, types: query.parameters.types)] = name
    }

    /// The server said that a name is unknown or its plan out of date: trust none of them.
    mutating func invalidate() {
        prepared.removeAll()
        isInvalid = true
    }
}
