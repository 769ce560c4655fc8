import Foundation
import JSON
import Testing

@testable import Proof

/// Docket's verifier and the Python one, on the same package.
struct BothVerifiers {
    /// What is compared: not the wording.
    struct Told: Hashable, CustomStringConvertible {
        var `class`: String
        var first: Int64?
        var last: Int64?
        var file: String?

        init(_ finding: JSONValue) {
            self.class = finding["class"]?.stringValue ?? "?"
            first = finding["first"]?.int64Value
            last = finding["last"]?.int64Value
            file = finding["file"]?.stringValue
        }

        var description: String {
            "\(self.class) \(first.map(String.init) ?? "-")…\(last.map(String.init) ?? "-") \(file ?? "-")"
        }
    }

    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Documentation/verify_package.py").standardizedFileURL

    /// Whether Python and its package `cryptography` are there; said once when they are not.
    static let hasPython: Bool = {
        do {
            return try run(["-c", "import cryptography"]).status == 0
        } catch {
            print("python3 is missing: the second verifier is not tested")
            return false
        }
    }()

    static func run(_ arguments: [String]) throws -> (status: Int32, output: Data) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    /// The findings of both, which must agree.
    static func verify(
        _ url: URL, checkpoint: SignedNote? = nil, key: VerifierKey?, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Report {
        let report = try PackageVerifier.verify(at: url, checkpoint: checkpoint, key: key)
        guard hasPython else { return report }
        var arguments = [script.path, "--json"]
        let file = url.deletingLastPathComponent().appending(path: "given-\(UUID().uuidString)")
        if let checkpoint {
            try Data(checkpoint.bytes).write(to: file)
            arguments += ["--checkpoint", file.path]
        }
        if let key { arguments += ["--key", key.text] }
        let second = try run(arguments + [url.path])
        #expect(second.status == report.exitCode, sourceLocation: sourceLocation)
        let answer = try JSONValue.parse(Array(second.output))
        let ours = report.json
        for member in ["ok", "as_exported", "key_was_given", "events", "origin", "tree_size", "root", "keys"] {
            #expect(answer[member] == ours[member], "\(member)", sourceLocation: sourceLocation)
        }
        let theirs = (answer["findings"]?.arrayValue ?? []).map { Told($0) }
        #expect(report.findings.map { Told($0.json) } == theirs, sourceLocation: sourceLocation)
        return report
    }
}

/// A package in the hands of somebody who alters it.
struct EditablePackage {
    let url: URL

    func lines(_ path: String = "events.ndjson") throws -> [String] {
        var lines = try String(contentsOf: url.appending(path: path), encoding: .utf8)
            .unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        lines.removeLast()
        return lines
    }

    func write(_ lines: [String], to path: String = "events.ndjson") throws {
        try write(Array(lines.map { $0 + "\n" }.joined().utf8), to: path)
    }

    func edit(_ path: String = "events.ndjson", _ change: (inout [String]) throws -> Void) throws {
        var lines = try self.lines(path)
        try change(&lines)
        try write(lines, to: path)
    }

    /// Changes one line, and makes sure that it did.
    func replace(_ old: String, with new: String, line: Int, in path: String = "events.ndjson") throws {
        try edit(path) { lines in
            let range = try #require(lines[line].range(of: old))
            lines[line].replaceSubrange(range, with: new)
        }
    }

    func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: url.appending(path: path))) }

    func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: url.appending(path: path)) }

    /// Gives an event another number, and nothing else.
    static func renumber(_ line: String, from old: Int, to new: Int) -> String {
        line.replacing("{\"position\":\(old),", with: "{\"position\":\(new),", maxReplacements: 1)
    }

    /// Makes all digests of the manifest right again, and the manifest's own, as far as that goes without the key.
    func makeDigestsRight(signedBy key: SigningKey? = nil) throws {
        var manifest = try PackageManifest(try bytes("manifest.json"))
        manifest.files = try manifest.files.map { file in
            let bytes = try self.bytes(file.path)
            return PackageManifest.File(path: file.path, size: Int64(bytes.count), digest: .sha256(bytes))
        }
        try write(manifest.bytes, to: "manifest.json")
        let text = ManifestNote.text(origin: manifest.origin, manifest.bytes)
        if let key {
            try write(try SignedNote(text: text, signedBy: [key]).bytes, to: "manifest.note")
        } else {
            let old = String(decoding: try bytes("manifest.note"), as: UTF8.self)
            let signatures = try #require(old.range(of: "\n\n")).upperBound
            try write(Array((text + "\n" + old[signatures...]).utf8), to: "manifest.note")
        }
    }
}
