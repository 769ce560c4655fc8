import Foundation

/// The place a request names. Ids are decoded here, once: `shop%2Fminer-7` is one segment and one id.
enum LabPath: Hashable {
    case state, journal, faults
    case recordedOperation(key: String)
    case collection(LabKind)
    case object(LabKind, id: String)
    case operation(LabKind, id: String, operation: String)

    /// - Parameter target: the request target as received, still encoded.
    /// - Parameter isPost: only a POST names an operation, so an IPv6 address may be read as it is.
    init(target: String, isPost: Bool) throws(LabError) {
        let path = target.prefix { $0 != "?" }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard segments.first == "v1", (2...3).contains(segments.count) else { throw Self.unknown }
        let name = segments[segments.startIndex + 1]
        let last = segments.count == 3 ? segments[segments.startIndex + 2] : nil
        switch (name, last) {
        case ("state", nil): self = .state
        case ("journal", nil): self = .journal
        case ("faults", nil): self = .faults
        case ("operations", let key?): self = .recordedOperation(key: try Self.decode(key))
        default:
            guard let kind = LabKind(rawValue: String(name)) else { throw Self.unknown }
            guard let last else {
                self = .collection(kind)
                return
            }
            guard isPost else {
                self = .object(kind, id: try Self.decode(last))
                return
            }
            // The colon before the operation is written plainly; the ids' own may be.
            let plain = last.contains(":") ? String(last) : try Self.decode(last)
            guard let colon = plain.lastIndex(of: ":") else {
                throw LabError(.methodNotAllowed, "POST names an operation: /v1/\(name)/{id}:{operation}")
            }
            let id = plain[..<colon]
            self = .operation(
                kind, id: last.contains(":") ? try Self.decode(id) : String(id),
                operation: String(plain[plain.index(after: colon)...]))
        }
    }

    private static let unknown = LabError(.notFound, "the lab has no such place")

    private static func decode(_ segment: Substring) throws(LabError) -> String {
        guard let text = segment.removingPercentEncoding, !text.isEmpty else {
            throw LabError(.notFound, "an id is percent-encoded UTF-8")
        }
        return text
    }
}
