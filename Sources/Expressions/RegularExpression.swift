internal import CPCRE2

/// A regular expression of PCRE2, held against text under a limit of steps.
///
/// Rules come from outside and so do the texts they are held against, and PCRE2 backtracks: `^(a+)+$` would stand still
/// over a line of `a`. So every search has a budget of steps; what would take more is given up and told
/// (`Outcome.exceeded`), never waited for. The budget is counted and not timed: the same text has the same outcome on
/// every machine that has the same PCRE2.
///
/// The search is unanchored and case-sensitive unless asked otherwise; `\d`, `\w`, `\s`, `\b` are ASCII, `.` is one
/// character. Nothing in a pattern reaches outside of the text: no callouts, no `\C`.
package final class RegularExpression: Sendable {
    package struct Options: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        package static let caseInsensitive = Options(rawValue: 1)
        /// `^` and `$` also match at line ends.
        package static let multiline = Options(rawValue: 2)
        /// `.` also matches a newline.
        package static let dotMatchesNewline = Options(rawValue: 4)
    }

    /// Why a pattern is refused, in PCRE2's words and with the place.
    package struct Problem: Error, Sendable, Hashable {
        package var reason: String
    }

    package enum Outcome: Sendable, Hashable {
        case matches
        case doesNotMatch
        /// Neither was found within the budget.
        case exceeded
    }

    /// Steps that one search may take, about: PCRE2 counts them anew for each place at which a match could begin.
    package static let stepLimit = 20_000_000
    /// Bytes at most of a pattern.
    package static let patternLimit = 4_096

    package let pattern: String
    package let options: Options
    // Safe to share: PCRE2 only reads compiled code (pcre2api, "Multithreading").
    private nonisolated(unsafe) let code: OpaquePointer

    package init(_ pattern: String, options: Options = []) throws(Problem) {
        guard pattern.utf8.count <= Self.patternLimit else {
            throw Problem(reason: "the expression is longer than \(Self.patternLimit) bytes")
        }
        self.pattern = pattern
        self.options = options
        var flags = docket_pcre2_options
        if options.contains(.caseInsensitive) { flags |= PCRE2_CASELESS }
        if options.contains(.multiline) { flags |= PCRE2_MULTILINE }
        if options.contains(.dotMatchesNewline) { flags |= PCRE2_DOTALL }
        var error: Int32 = 0
        var place = 0
        let bytes = Array(pattern.utf8)
        let compiled = pcre2_compile_8(bytes, bytes.count, flags, &error, &place, nil)
        guard let compiled else {
            throw Problem(reason: "no regular expression: \(Self.message(error)) at byte \(place)")
        }
        // Where there is no just-in-time compiler the interpreter does the same, slower.
        _ = pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE)
        code = compiled
    }

    deinit { pcre2_code_free_8(code) }

    /// Looks for a match anywhere in a text that is valid UTF-8.
    package func search(_ text: Span<UInt8>) -> Outcome {
        guard let workspace = Workspace.forThisThread() else { return .exceeded }
        let perPlace = max(200, Self.stepLimit / max(1, text.count))
        pcre2_set_match_limit_8(workspace.context, UInt32(min(perPlace, 1_000_000)))
        return text.withUnsafeBufferPointer { buffer in
            // An empty span may have no address, which PCRE2 does not take.
            guard let base = buffer.baseAddress else { return search(workspace, [0], 0) }
            return search(workspace, base, buffer.count)
        }
    }

    private func search(_ workspace: Workspace, _ text: UnsafePointer<UInt8>, _ count: Int) -> Outcome {
        let flags = UInt32(docket_pcre2_text_is_valid)
        var found = pcre2_match_8(code, text, count, 0, flags, workspace.data, workspace.context)
        if found == PCRE2_ERROR_JIT_STACKLIMIT {
            // The interpreter keeps its stack on the heap, within a limit.
            found = pcre2_match_8(code, text, count, 0, flags | PCRE2_NO_JIT, workspace.data, workspace.context)
        }
        if found >= 0 { return .matches }
        return found == PCRE2_ERROR_NOMATCH ? .doesNotMatch : .exceeded
    }

    private static func message(_ code: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = pcre2_get_error_message_8(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, Int(length))), as: UTF8.self)
    }
}
