/// The small rules of text that intake goes by, on bytes: what they accept is ASCII by nature.
extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    var isLetterOrDigit: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
    }

    var isHexadecimalDigit: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
    }

    var isJSONWhitespace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}

extension String {
    var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// Characters as PostgreSQL counts them. A grapheme has no upper size, so it is no measure for a limit.
    var characterCount: Int { unicodeScalars.count }

    func truncated(to count: Int) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: unicodeScalars.prefix(count))
        return String(text)
    }

    /// U+0000…U+001F and U+007F.
    var hasControlCharacters: Bool { utf8.contains { $0 < 0x20 || $0 == 0x7F } }

    /// `T1190` or `T1059.001`: an ATT&CK technique or sub-technique.
    var isAttackTechnique: Bool {
        let bytes = Array(utf8)
        guard bytes.count == 5 || bytes.count == 9, bytes[0] == UInt8(ascii: "T"),
            bytes[1..<5].allSatisfy(\.isDigit)
        else { return false }
        return bytes.count == 5 || (bytes[5] == UInt8(ascii: ".") && bytes[6..<9].allSatisfy(\.isDigit))
    }

    /// An `https` address with a host, without credentials, in the characters of RFC 3986. Everything else could be
    /// shown as a link that does something else than it says.
    var isHTTPSAddress: Bool {
        let scheme = "https://"
        let refused = Set("\"<>\\^`{|}".utf8)
        guard prefix(scheme.count).lowercased() == scheme,
            utf8.allSatisfy({ (0x21...0x7E).contains($0) && !refused.contains($0) })
        else { return false }
        let authority = dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        let beginsWithHost = authority.utf8.first.map { $0.isLetterOrDigit || $0 == UInt8(ascii: "[") } ?? false
        return beginsWithHost && !authority.contains("@")
    }
}
