import Events
import Foundation
import JSON

/// Reads `sealed.ndjson` beside the events: each opened value must have the digest that its event binds.
///
/// Both files are in the order of positions, so one line of each is looked at; what does not meet waits in a dictionary.
struct SealedPass {
    private struct Key: Hashable {
        let position: Int64
        let n: Int64
    }

    private struct Line {
        let key: Key
        /// nil: erased or withheld, nothing to compare.
        let digest: TreeHash?
    }

    private let lines: LineReader
    private var next: Line?
    private var isStarted = false
    private var counts = PackageManifest.Counts()
    private var malformed: [Finding] = []
    private var highest: Int64 = -1
    /// Digests without a line, lines without a digest, digests of events out of order.
    private var waiting: [Key: TreeHash] = [:]
    private var orphans: [Key: TreeHash?] = [:]
    private var late: [Key: TreeHash] = [:]

    init(_ folder: PackageFolder) throws(ProofError) {
        lines = LineReader(try PackageReader(folder, "sealed.ndjson"))
    }

    mutating func take(position: Int64, digests: [TreeHash]) throws(ProofError) {
        guard !digests.isEmpty else { return }
        guard position > highest else {
            for (n, digest) in digests.enumerated() {
                let key = Key(position: position, n: Int64(n))
                if late[key] == nil { late[key] = digest }
            }
            return
        }
        highest = position
        if !isStarted { try advance() }
        var found: Set<Int64> = []
        while let line = next, line.key.position <= position {
            let n = line.key.n
            if line.key.position == position, n < digests.count, !found.contains(n),
                line.digest.map({ $0 == digests[Int(n)] }) ?? true
            {
                found.insert(n)
            } else {
                orphans.updateValue(line.digest, forKey: line.key)
            }
            try advance()
        }
        for n in 0..<Int64(digests.count) where !found.contains(n) {
            waiting[Key(position: position, n: n)] = digests[Int(n)]
        }
    }

    /// - Parameter isGood: of a position; nil: it is not in the package.
    mutating func finish(
        isGood: (Int64) -> Bool?
    ) throws(ProofError) -> (findings: [Finding], counts: PackageManifest.Counts, digest: TreeHash, size: Int64) {
        if !isStarted { try advance() }
        while let line = next {
            orphans.updateValue(line.digest, forKey: line.key)
            try advance()
        }
        var findings = malformed
        for (key, digest) in orphans {
            let bound = waiting.removeValue(forKey: key) ?? late[key]
            if let bound, digest.map({ $0 == bound }) ?? true { continue }
            guard isGood(key.position) != false else { continue }
            findings.append(
                Finding(
                    .sealedValueMismatch, at: key.position, file: "sealed.ndjson",
                    bound == nil ? "no event binds this value" : "value and salt do not have the recorded digest"))
        }
        for key in waiting.keys where isGood(key.position) == true {
            findings.append(
                Finding(.sealedValueMismatch, at: key.position, file: "sealed.ndjson", "member \(key.n) is not there"))
        }
        return (findings, counts, lines.reader.digest, lines.reader.size)
    }

    private mutating func advance() throws(ProofError) {
        isStarted = true
        while let (bytes, line, isWhole) = try lines.next() {
            if isWhole, let parsed = parse(bytes, line) {
                next = parsed
                return
            }
            malformed.append(
                Finding(.packageMalformed, file: "sealed.ndjson", "line \(lines.number) is not of the format"))
        }
        next = nil
    }

    private mutating func parse(_ b: [UInt8], _ line: Range<Int>) -> Line? {
        var at = line.lowerBound
        let end = line.upperBound
        guard Scan.take(Text.position, b, &at, end), let position = Scan.integer(b, &at, end),
            Scan.take(Text.n, b, &at, end), let n = Scan.integer(b, &at, end), n >= 0,
            Scan.take(Text.state, b, &at, end)
        else { return nil }
        let key = Key(position: position, n: n)
        if Scan.take(Text.erased, b, &at, end) {
            counts.erased += 1
            return at == end ? Line(key: key, digest: nil) : nil
        }
        if Scan.take(Text.withheld, b, &at, end) {
            counts.withheld += 1
            return at == end ? Line(key: key, digest: nil) : nil
        }
        guard Scan.take(Text.open, b, &at, end), let salt = Scan.hash(b, &at, end), Scan.take(Text.value, b, &at, end),
            end > at, b[end - 1] == UInt8(ascii: "}")
        else { return nil }
        counts.open += 1
        return Line(key: key, digest: Leaf.digest(salt: salt, value: Array(b[at..<(end - 1)])))
    }

    private enum Text {
        static let position = Array("{\"position\":".utf8)
        static let n = Array(",\"n\":".utf8)
        static let state = Array(",\"state\":\"".utf8)
        static let erased = Array("erased\"}".utf8)
        static let withheld = Array("withheld\"}".utf8)
        static let open = Array("open\",\"salt\":\"".utf8)
        static let value = Array("\",\"value\":".utf8)
    }
}

/// A file line by line, on demand.
final class LineReader {
    let reader: PackageReader
    private var buffer: [UInt8] = []
    private var start = 0
    private(set) var number = 0

    init(_ reader: PackageReader) { self.reader = reader }

    /// The next line without its newline; not whole: the file ended before one.
    func next() throws(ProofError) -> (bytes: [UInt8], line: Range<Int>, isWhole: Bool)? {
        var searched = start
        while true {
            if let end = Scan.newline(buffer, from: searched) {
                defer { start = end + 1 }
                number += 1
                return (buffer, start..<end, true)
            }
            buffer.removeSubrange(..<start)
            start = 0
            searched = buffer.count
            guard try reader.read(into: &buffer) else {
                guard !buffer.isEmpty else { return nil }
                let rest = buffer
                buffer = []
                number += 1
                return (rest, 0..<rest.count, false)
            }
        }
    }
}
