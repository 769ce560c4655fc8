import JSON

/// An `_id` attribute of OCSF: its values with their captions, and the sibling attribute that holds the caption.
///
/// 0 is unknown everywhere; 99 is other and then the sibling must carry the source's own label.
struct OCSFEnumeration: Sendable, Hashable {
    static let other: Int64 = 99

    var sibling: String
    var captions: [Int64: String]

    init(sibling: String, captions: [Int64: String]) {
        self.sibling = sibling
        self.captions = captions
    }

    /// Settles id and label: a known id takes its caption, an unknown one becomes 99 with the source's label (before
    /// 1.0.0, "other" was -1).
    func fit(
        _ id: JSONValue, label: JSONValue, as name: String, isRequired: Bool, into split: inout OCSFObject.Split
    ) {
        let text = label.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        if text == nil, !label.isNull { split.rest[sibling] = label }
        if let number = id.int64Value, number != Self.other, let caption = captions[number] {
            split.kept[name] = .integer(number)
            split.kept[sibling] = .string(caption)
            if let text, !Self.isSame(text, caption) { split.rest[sibling] = .string(text) }
        } else if !id.isNull {
            split.kept[name] = .integer(Self.other)
            split.kept[sibling] = .string(text ?? (id == .integer(Self.other) ? "Other" : id.canonicalString()))
            if ![.integer(Self.other), .integer(-1)].contains(id) { split.rest[name] = id }
        } else if let text {
            let match = captions.first { Self.isSame($0.value, text) && $0.key != Self.other }
            split.kept[name] = .integer(match?.key ?? Self.other)
            split.kept[sibling] = .string(match?.value ?? text)
        } else if isRequired {
            split.kept[name] = 0
            split.kept[sibling] = .string(captions[0] ?? "Unknown")
        }
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.trimmed.lowercased() == right.lowercased()
    }
}
