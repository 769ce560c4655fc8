import Synchronization

/// `planDigest` ↔ `plan_digest`, remembered, because the same few hundred names come again and again.
enum SnakeCase {
    private static let known = Mutex<[String: String]>([:])

    static func text(of name: String) -> String {
        // Most names are one word.
        if !name.utf8.contains(where: { $0 < UInt8(ascii: "a") || $0 > UInt8(ascii: "z") }) { return name }
        if let text = known.withLock({ $0[name] }) { return text }
        let text = convert(name)
        known.withLock { names in
            // Keys of dictionaries may pass here too; they must not fill the memory.
            if names.count < 4_096 { names[name] = text }
        }
        return text
    }

    /// A run of capitals is one word: `sourceURL` is `source_url`, `runIDs` is `run_ids`.
    private static func convert(_ name: String) -> String {
        let characters = Array(name)
        var text = ""
        for (index, character) in characters.enumerated() {
            if character.isUppercase, index > 0 {
                let follows = index + 1 < characters.count ? characters[index + 1] : nil
                let endsRun = follows.map { $0.isLowercase && !($0 == "s" && index + 2 == characters.count) } ?? false
                if !characters[index - 1].isUppercase || endsRun { text.append("_") }
            }
            text += character.lowercased()
        }
        return text
    }
}

/// The key of an element or of a type that names its members itself.
struct IndexKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ index: Int) {
        stringValue = String(index)
        intValue = index
    }

    init?(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init?(intValue: Int) { self.init(intValue) }
}

/// Marks a type whose coding keys are written as they stand: dictionaries, whose keys are data and no names.
protocol VerbatimKeys {}
extension Dictionary: VerbatimKeys where Key == String {}
