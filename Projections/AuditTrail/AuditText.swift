import Cases
import Events
import JSON

/// A short line about an event, made only of what is never sealed: an erasure changes nothing in it.
struct AuditText: Sendable, Hashable {
    let text: String

    private static let lengthMaximum = 300
    /// Of each type, the members of `data` that can hold personal data.
    private static let personal = Dictionary(
        uniqueKeysWithValues: EventType.allCases.map { type in
            (type, Set(type.personalMembers.map(\.pointer).compactMap(member)))
        })

    init(_ event: Event) {
        var sealed = event.kind.flatMap { Self.personal[$0] } ?? []
        for pointer in event.sealed { if let name = Self.member(of: pointer) { sealed.insert(name) } }
        let parts = (event.data.objectValue ?? [:])
            .filter { !sealed.contains($0.key) }
            .sorted { $0.key < $1.key }
            .compactMap { name, value in Self.shown(value).map { "\(name)=\($0)" } }
        let whole = parts.joined(separator: " ")
        text = whole.count > Self.lengthMaximum ? String(whole.prefix(Self.lengthMaximum - 1)) + "…" : whole
    }

    /// The member of `data` in which a pointer ends; all of it counts as sealed, if a part is.
    private static func member(of pointer: String) -> String? {
        let tokens = pointer.split(separator: "/", omittingEmptySubsequences: false)
        guard tokens.count > 2, tokens[1] == "data" else { return nil }
        return String(tokens[2]).replacing("~1", with: "/").replacing("~0", with: "~")
    }

    /// Scalars and lists of scalars; structures are for whoever opens the event.
    private static func shown(_ value: JSONValue) -> String? {
        switch value {
        case .null, .object: return nil
        case .string(let text): return text
        case .array(let elements):
            let texts = elements.compactMap(shown)
            return texts.isEmpty || texts.count < elements.count ? nil : texts.joined(separator: ",")
        default: return value.canonicalString()
        }
    }
}
