import Cases
import Events
import Foundation
import Hummingbird
import JSON
import Projections

/// A query string, read strictly: an unknown name is a refusal, since a filter that is silently ignored gives wrong
/// answers.
struct QueryParameters: Sendable {
    private let values: [String: [String]]

    /// - Parameters:
    ///   - query: as it stands in the URL, still encoded; `+` is a plus sign (RFC 3986), so that time offsets survive.
    ///   - known: the names that the route reads.
    ///   - isForm: whether it was written by a form (WHATWG URL §5.2): then `+` is a space.
    /// - Throws: `unknown-parameter`, 400; `validation-failed` for broken percent-encoding.
    init(_ query: String?, known: Set<String>, isForm: Bool = false) throws(Problem) {
        var values: [String: [String]] = [:]
        for (name, value) in try Self.pairs(isForm ? query?.replacing("+", with: "%20") : query) {
            guard known.contains(name) else {
                throw Problem(
                    .unknownParameter, "'\(name.prefix(100))' is not a parameter of this route.",
                    errors: [
                        FieldError(
                            "/\(name.prefix(100))", .unknownParameter, "is not a parameter of this route",
                            allowed: known.sorted())
                    ])
            }
            values[name, default: []].append(value)
        }
        self.values = values
    }

    private static func pairs(_ query: String?) throws(Problem) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for part in (query ?? "").split(separator: "&") {
            let name = part.prefix { $0 != "=" }
            let value = part.dropFirst(name.count + 1)
            guard let name = name.removingPercentEncoding, let value = value.removingPercentEncoding else {
                throw .validation([FieldError("/", .encoding, "the query is not percent-encoded UTF-8")])
            }
            pairs.append((name, value))
        }
        return pairs
    }

    /// Whether a token was put where proxies and logs would keep it.
    static func holdsToken(_ query: String?) -> Bool {
        guard let query, !query.isEmpty else { return false }
        let names: Set<String> = ["token", "access_token", "api_key", "apikey", "authorization", "auth"]
        return query.contains(TokenText.prefix)
            || query.split(separator: "&").contains { part in
                let name = part.prefix { $0 != "=" }
                let decoded = part.removingPercentEncoding ?? String(part)
                return names.contains((String(name).removingPercentEncoding ?? "").lowercased())
                    || decoded.contains(TokenText.prefix)
            }
    }

    /// The one value of a parameter; an empty one counts as none.
    func text(_ name: String) throws(Problem) -> String? {
        guard let all = values[name], let value = all.first, !value.isEmpty else { return nil }
        guard all.count == 1 else { throw .validation([FieldError("/\(name)", .format, "stands more than once")]) }
        return value
    }

    /// A comma list, or the parameter repeated.
    func list(_ name: String) -> [String] {
        (values[name] ?? []).flatMap { $0.split(separator: ",").map(String.init) }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) throws(Problem) -> Choice? where Choice.RawValue == String {
        guard let text = try text(name) else { return nil }
        return try Self.choice(text, name)
    }

    func choices<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) throws(Problem) -> [Choice] where Choice.RawValue == String {
        var choices: [Choice] = []
        for text in list(name) { choices.append(try Self.choice(text, name)) }
        return choices
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ text: String, _ name: String
    ) throws(Problem) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            throw .validation([
                FieldError("/\(name)", .enum, "is none of the allowed values", allowed: Choice.allCases.map(\.rawValue))
            ])
        }
        return choice
    }

    func integer(_ name: String, in range: ClosedRange<Int64> = 0...JSONValue.exactIntegerLimit) throws(Problem)
        -> Int64?
    {
        guard let text = try text(name) else { return nil }
        guard let value = Int64(text) else { throw .validation([FieldError("/\(name)", .type, "is a whole number")]) }
        guard range.contains(value) else {
            throw .validation([
                FieldError("/\(name)", .range, "lies between \(range.lowerBound) and \(range.upperBound)")
            ])
        }
        return value
    }

    func uuid(_ name: String) throws(Problem) -> UUID? {
        guard let text = try text(name) else { return nil }
        guard let id = UUID(uuidString: text) else { throw .validation([FieldError("/\(name)", .format, "is a UUID")]) }
        return id
    }

    func instant(_ name: String) throws(Problem) -> Instant? {
        guard let text = try text(name) else { return nil }
        guard let instant = Instant(rfc3339: text) else {
            throw .validation([FieldError("/\(name)", .format, "is a time of RFC 3339 with an offset")])
        }
        return instant
    }

    /// `limit`, 1 to 500, and `cursor`.
    func page() throws(Problem) -> PageRequest {
        PageRequest(cursor: try text("cursor"), limit: try limit())
    }

    func limit() throws(Problem) -> Int {
        Int(try integer("limit", in: 1...Int64(PageRequest.limitMaximum)) ?? Int64(PageRequest.limitDefault))
    }

    /// `type:value`, or a value of any type.
    func entity() throws(Problem) -> EntitySearch? {
        guard let text = try text("entity") else { return nil }
        if let colon = text.firstIndex(of: ":"), let type = Entity.EntityType(rawValue: String(text[..<colon])) {
            return EntitySearch(type: type, value: String(text[text.index(after: colon)...]))
        }
        return EntitySearch(value: text)
    }
}
