import Foundation

/// Writes one Swift file that holds every SQL, JSON and YAML file of a target, and what its pages are made of
/// (templates, stylesheets, scripts, pictures), as a raw string literal.
///
/// SwiftPM's `.embedInCode` writes arrays of integers, which compile at a few kilobytes a second and drop folders;
/// a string literal of 200 kB compiles in a fraction of a second, and relative paths stay.
///
/// Usage: `embed-files <output.swift> <root folder> <file>…`
@main
struct EmbedFiles {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count >= 2, let output = arguments.first else {
            throw Failure(description: "usage: embed-files <output.swift> <root folder> <file>…")
        }
        let root = arguments[arguments.startIndex + 1]
        let prefix = root.hasSuffix("/") ? root : root + "/"

        var entries: [(path: String, text: String)] = []
        for file in arguments.dropFirst(2) {
            guard file.hasPrefix(prefix) else { throw Failure(description: "\(file) is not below \(prefix)") }
            let text = try String(contentsOfFile: file, encoding: .utf8)
            // A multi-line literal turns CR LF into LF, so the embedded text would differ from its checksum's source.
            guard !text.utf8.contains(UInt8(ascii: "\r")) else {
                throw Failure(description: "\(file) holds a carriage return")
            }
            entries.append((String(file.dropFirst(prefix.count)), text))
        }
        entries.sort { $0.path < $1.path }

        var source = "// Written by embed-files from the target's files.\n\n"
        source += enumeration("SQL", of: entries.filter { $0.path.hasSuffix(".sql") })
        source += enumeration("Documents", of: entries.filter { [".json", ".yml"].contains(where: $0.path.hasSuffix) })
        source += enumeration("Templates", of: entries.filter { $0.path.hasSuffix(".mustache") })
        source += enumeration(
            "Assets", of: entries.filter { [".css", ".js", ".svg"].contains(where: $0.path.hasSuffix) })
        try Data(source.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
    }

    private static func enumeration(_ name: String, of entries: [(path: String, text: String)]) -> String {
        if entries.isEmpty { return "" }
        var source = "enum \(name) {\n    static let files: [(path: String, text: String)] = [\n"
        for entry in entries {
            source += "        (path: \(literal(entry.path)), text: \(literal(entry.text))),\n"
        }
        return source + "    ]\n}\n"
    }

    /// A multi-line raw literal whose delimiter has more number signs than any run of them in the text.
    private static func literal(_ text: String) -> String {
        var longest = 0
        var run = 0
        for byte in text.utf8 {
            run = byte == UInt8(ascii: "#") ? run + 1 : 0
            longest = max(longest, run)
        }
        let signs = String(repeating: "#", count: longest + 1)
        return "\(signs)\"\"\"\n\(text)\n\"\"\"\(signs)"
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
}
