/// By which members a record is known to be one that can be judged as it stands: one record, of the log source that it
/// is read as.
package struct RecordSigns: Sendable, Hashable {
    /// Members that must be there.
    package var needs: [String]
    /// Members of which one must be there with a text that is not empty.
    package var oneOf: [String]
    /// Members with which somebody has to look at the record first; dots as in fields.
    package var refuses: [String]
    /// Whether members may have members.
    package var mustBeFlat: Bool

    package init(needs: [String] = [], oneOf: [String] = [], refuses: [String] = [], mustBeFlat: Bool = false) {
        self.needs = needs
        self.oneOf = oneOf
        self.refuses = refuses
        self.mustBeFlat = mustBeFlat
    }

    /// Every name that signs may have: an evaluator can only tell what its rule set has a number for.
    static let names = [
        "EventID", "Channel", "SourceName", "ProviderName", "apiVersion", "kind", "eventSource", "eventName", "Records",
        "items", "event.eventName", "detail.eventName", "program", "ident", "appname", "syslog_identifier",
        "SYSLOG_IDENTIFIER",
    ]

    /// The same by number of the field.
    struct Numbers: Sendable {
        let needs: [Int32]
        let oneOf: [Int32]
        let refuses: [Int32]
        let mustBeFlat: Bool

        init(_ signs: RecordSigns, _ names: FieldNames) {
            func numbers(_ list: [String]) -> [Int32] {
                list.map { name in
                    guard let number = names.number(of: name) else { preconditionFailure("'\(name)' is no known sign") }
                    return number
                }
            }
            needs = numbers(signs.needs)
            oneOf = numbers(signs.oneOf)
            refuses = numbers(signs.refuses)
            mustBeFlat = signs.mustBeFlat
        }
    }
}

extension EventTable {
    /// Whether the record has the signs.
    func has(_ signs: RecordSigns.Numbers) -> Bool {
        if signs.mustBeFlat, hasContainers { return false }
        for field in signs.needs where first[Int(field)] < 0 { return false }
        for field in signs.refuses where first[Int(field)] >= 0 { return false }
        if signs.oneOf.isEmpty { return true }
        for field in signs.oneOf {
            let place = first[Int(field)]
            if place >= 0, entries[Int(place)].kind == .text, entries[Int(place)].count > 0 { return true }
        }
        return false
    }
}
