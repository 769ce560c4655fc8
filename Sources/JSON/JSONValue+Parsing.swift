extension JSONValue {
    /// Reads a command: whatever could be misread is refused (duplicate members, U+0000, unpaired surrogates, integers
    /// beyond ±2^53).
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, limits: limits, tolerance: .strict)
        return try parser.parseDocument()
    }

    /// Reads a command given as text.
    package static func parse(_ text: String, limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    /// Reads evidence: what can be repaired is, and each repair is told.
    ///
    /// U+0000 and unpaired surrogates stand as U+FFFD, the last of duplicate members counts, integers beyond ±2^53 become
    /// strings of what was written (`9e16` as well, which is one). The raw bytes are kept elsewhere, exactly.
    /// - Returns: the value and at most 20 warnings, each beginning with a JSON Pointer.
    package static func parseEvidence(
        _ bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) -> (value: JSONValue, warnings: [String]) {
        var parser = JSONParser(bytes: bytes, limits: limits, tolerance: .evidence)
        let value = try parser.parseDocument()
        return (value, parser.warnings)
    }
}
