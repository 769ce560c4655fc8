import Foundation
import Testing

/// What ends the process in the sources of the program: each place is listed with the reason why neither input, nor a
/// disk, nor a network reaches it.
@Suite("Traps in the sources")
struct TrapTests {
    /// Files and the expressions left in them, with the reason.
    static let allowed: [(file: String, code: String, reason: String)] = [
        (
            "Sources/Cases/Events/Payload.swift", "preconditionFailure(\"\\(type.rawValue) cannot be written",
            "payloads are types of this program, whose encoding throws nothing"
        ),
        (
            "Sources/Detection/Engine/RecordSigns.swift", "preconditionFailure(\"'\\(name)' is no known sign\")",
            "the names are literals of this file"
        ),
        (
            "Sources/EventLog/Sealing/RandomBytes.swift", "fatalError(\"the kernel gives no random bytes",
            "getentropy(3) fails for more than 256 bytes or on a kernel without it; weak keys would be worse than none"
        ),
        (
            "Sources/Events/LazyJSON.swift", "preconditionFailure(\"what was skimmed is not JSON",
            "JSONSkimmer accepts exactly what the parser reads, which a test holds over random bytes"
        ),
        (
            "Sources/Expressions/Workspace.swift", "precondition(result == 0,",
            "one key of thread-specific storage, taken once at the first expression"
        ),
        (
            "Sources/JSON/JSONValueEncoder.swift", "preconditionFailure(\"no type of this package encodes into nested",
            "asked by the program's own Encodable types, which do not do so"
        ),
        (
            "Sources/Lab/LabResponder.swift", "HTTPField.Name(\"Idempotency-Key\")!",
            "a literal, read once"
        ),
        (
            "Sources/Lab/LabWorld+Standard.swift", "preconditionFailure(\"the standard world",
            "the world is compiled in"
        ),
        (
            "Sources/Pages/Pages.swift", "preconditionFailure(\"there is no template",
            "templates are compiled in, and every page is rendered by a test"
        ),
        (
            "Sources/Postgres/Wire/ConnectionThread.swift", "precondition(pthread_equal(pthread_self(),",
            "asked by the runtime where `assumeIsolated` is used, which is on this thread"
        ),
        (
            "Sources/Postgres/Wire/ResultSet.swift", "PQgetvalue(result, index, column)!",
            "libpq gives an address for each row and column that is there; rows are counted by libpq"
        ),
        (
            "Sources/Postgres/Wire/Wire.swift", "raw.baseAddress!", "the array holds one byte at least"
        ),
        (
            "Sources/Proof/Tree/Frontier.swift", "precondition(level < 62",
            "levels come from Subtree.covering alone, never from a package"
        ),
        (
            "Sources/Proof/Tree/TreeHash.swift", "precondition(offset >= 0 && offset + Self.byteCount <= bytes.count)",
            "guards unsafe reads; callers have counted the bytes before"
        ),
        (
            "Sources/Proof/Verifying/Scan.swift", "precondition(",
            "guards unsafe reads; the scanner has bounded its ranges before, and fuzzing tries it"
        ),
        (
            "Sources/Response/Connectors/AddressPolicy.swift", "preconditionFailure(\"\\(text) is no block",
            "the blocks are literals of this file"
        ),
        (
            "Sources/Response/RunDriver.swift", "preconditionFailure(\"these are not carried out",
            "the directives that a connector does not carry out are handled by the caller"
        ),
        (
            "Sources/Server/Application/ServerServices.swift", "preconditionFailure(\"the pages cannot be read",
            "templates are compiled in: it would fail at the first start of a build"
        ),
        (
            "Sources/Server/Requests/HTTPField+Docket.swift", "preconditionFailure(\"\\(text) is no field name\")",
            "the names are literals of this file"
        ),
        (
            "Projections/ProjectionCatalog.swift", "preconditionFailure(\"\\(path) is not among the embedded files\")",
            "the files are compiled in"
        ),
        (
            "Content/Content.swift", "preconditionFailure(\"\\(path) is not embedded\")", "the files are compiled in"
        ),
    ]

    /// Ways to end a process in Swift, and calls of Foundation that raise an exception, which ends it too.
    static let patterns: [String] = [
        #"(?<=[\w\)\]\}"])!(?!=)"#, #"\btry!"#, #"\bas!"#, #"\bfatalError\b"#, #"\bprecondition(Failure)?\("#,
        #"\bassertionFailure\b"#, #"\bunowned\b(?!\()"#, #"\.write\(Data\("#,
        #"\bFileHandle\.standard(Error|Output)\.write\("#,
        #"\b(readDataToEndOfFile|availableData|readData\(ofLength|synchronizeFile|seekToEndOfFile|closeFile)\b"#,
    ]

    @Test("each one that is left is known, with the reason why nothing from outside reaches it")
    func known() throws {
        let expressions = try Self.patterns.map { try NSRegularExpression(pattern: $0) }
        var used = Set<Int>()
        for (file, text) in try sources() {
            for (number, line) in Self.code(in: text) {
                let stripped = Self.withoutTexts(line)
                let whole = NSRange(stripped.startIndex..., in: stripped)
                let isTrap = expressions.contains { $0.firstMatch(in: stripped, range: whole) != nil }
                guard isTrap else { continue }
                let index = Self.allowed.firstIndex { $0.file == file && line.contains($0.code) }
                if let index {
                    used.insert(index)
                } else {
                    Issue.record("\(file):\(number) can end the process: \(line.trimmingCharacters(in: .whitespaces))")
                }
            }
        }
        for (index, entry) in Self.allowed.enumerated() where !used.contains(index) {
            Issue.record("\(entry.file) holds no '\(entry.code)' any more: take it off the list")
        }
    }

    @Test(
        "the search finds each kind, and takes no text or comment for one",
        arguments: [
            ("let a = b!", true), ("f()!.x", true), ("try! f()", true), ("x as! Int", true), ("fatalError()", true),
            ("handle.write(Data(x))", true), ("FileHandle.standardError.write(line)", true),
            ("a != b", false), ("if !a { }", false), (#"print("no!")"#, false), ("f(!a)", false),
            ("handle.write(contentsOf: Data(x))", false),
        ])
    func search(code: String, isFound: Bool) throws {
        let stripped = Self.withoutTexts(code)
        let whole = NSRange(stripped.startIndex..., in: stripped)
        let found = try Self.patterns.contains {
            try NSRegularExpression(pattern: $0).firstMatch(in: stripped, range: whole) != nil
        }
        #expect(found == isFound)
    }

    private func sources() throws -> [(file: String, text: String)] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        var found: [(file: String, text: String)] = []
        for folder in ["Sources", "Projections", "Schema", "Content"] {
            for path in try FileManager.default.subpathsOfDirectory(atPath: root + "/" + folder).sorted()
            where path.hasSuffix(".swift") && !path.hasPrefix("embed-files") && !path.hasPrefix("EmbedFiles") {
                let file = folder + "/" + path
                found.append((file, try String(contentsOfFile: root + "/" + file, encoding: .utf8)))
            }
        }
        try #require(found.count > 300)
        return found
    }

    /// The lines of a file that are code: neither in a text of several lines nor a comment.
    private static func code(in text: String) -> [(number: Int, line: String)] {
        var isInText = false
        var found: [(number: Int, line: String)] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let marks = line.components(separatedBy: "\"\"\"").count - 1
            if !isInText, !line.trimmingPrefix(while: { $0 == " " }).hasPrefix("//") {
                found.append((index + 1, String(line)))
            }
            if marks % 2 == 1 { isInText.toggle() }
        }
        return found
    }

    /// A line without what stands in quotes and behind `//`.
    private static func withoutTexts(_ line: String) -> String {
        line.replacing(/"(?:\\.|[^"\\])*"/, with: "\"\"").replacing(/\/\/.*/, with: "")
    }
}
