import Events
import Foundation

/// What lines that are not the events of their positions are, and what is missing.
///
/// The order of the questions is part of the format (`Documentation/EvidencePackage.md`, Classification), so that every
/// verifier gives the same answers.
struct OddLineJudgement {
    private(set) var findings: [Finding] = []
    /// Indices of positions that no good line holds and nothing has explained yet.
    private var missing: Set<Int64> = []
    private var leaves: LeafHashes
    private let pass: EventPass

    /// Tried around the stated position; and all that are missing, when lines times missing are not more.
    static let neighbourhood: Int64 = 16
    static let trialLimit = 1 << 22

    init(_ pass: EventPass, _ leaves: LeafHashes) {
        self.pass = pass
        self.leaves = leaves
        for index in 0..<leaves.count where !pass.isGood(index) { missing.insert(index) }
    }

    /// - Parameters:
    ///   - folder: for reading once more whose copies the odd lines are.
    ///   - altered: indices whose leaf was altered, not the event.
    mutating func judge(_ folder: PackageFolder, altered: Set<Int64>) throws(ProofError) {
        missing.subtract(altered)
        for index in altered {
            if let position = leaves.position(at: index) {
                findings.append(Finding(.tileAltered, at: position, file: "leaves.bin", "the leaf was altered"))
            }
        }
        for ordinal in pass.unreadable { judgeUnreadable(ordinal) }
        var rest = pass.odd.filter { line in !(line.index.map { altered.contains($0) } ?? false) }
        rest = try judgeRenumbered(rest.filter { !$0.isRepetition }) + rest.filter(\.isRepetition)
        rest.sort { $0.ordinal < $1.ordinal }
        let originals = try self.originals(of: rest, folder)
        for line in rest { try judge(line, originals) }
        judgeMissing()
        judgeOrder()
    }

    private mutating func judgeUnreadable(_ ordinal: Int64) {
        let detail = "line \(ordinal + 1) is not of the format"
        if let position = leaves.position(at: ordinal), missing.remove(ordinal) != nil {
            findings.append(Finding(.packageMalformed, at: position, detail))
        } else {
            findings.append(Finding(.packageMalformed, file: "events.ndjson", detail))
        }
    }

    /// Lines that are a missing event but for the number of their position.
    private mutating func judgeRenumbered(_ lines: [EventPass.OddLine]) throws(ProofError) -> [EventPass.OddLine] {
        let isFew = missing.count * lines.count <= Self.trialLimit
        let all = isFew ? missing.sorted().compactMap { leaves.position(at: $0) } : []
        var matched: [(stated: Int64, truth: Int64)] = []
        var rest: [EventPass.OddLine] = []
        var shift: Int64 = 0
        for line in lines {
            var candidates = [line.position &+ shift]
            for distance in 1...Self.neighbourhood {
                candidates += [line.position &+ distance, line.position &- distance]
            }
            var truth = try first(of: candidates, for: line)
            if truth == nil { truth = try first(of: all, for: line) }
            if let truth, let index = leaves.index(of: truth) {
                missing.remove(index)
                matched.append((line.position, truth))
                shift = truth - line.position
            } else {
                rest.append(line)
            }
        }
        let isExchange = Set(matched.map(\.stated)) == Set(matched.map(\.truth))
        for (stated, truth) in matched {
            findings.append(
                Finding(isExchange ? .orderChanged : .positionsRenumbered, at: truth, "it stands as position \(stated)")
            )
        }
        return rest
    }

    private mutating func first(of positions: [Int64], for line: EventPass.OddLine) throws(ProofError) -> Int64? {
        for position in positions where position != line.position {
            guard let index = leaves.index(of: position), missing.contains(index) else { continue }
            if try EventLineParser.leaf(ofEntry: line.entry, at: position) == leaves.leaf(at: index) { return position }
        }
        return nil
    }

    /// Of each event id of the lines, the position of the good line that has it.
    private func originals(
        of lines: [EventPass.OddLine], _ folder: PackageFolder
    ) throws(ProofError) -> [[UInt8]: Int64] {
        let wanted = Set(lines.map(\.eventID))
        guard !wanted.isEmpty else { return [:] }
        let odd = Set(pass.odd.map(\.ordinal))
        var originals: [[UInt8]: Int64] = [:]
        var parser = EventLineParser(tenant: leaves.manifest.tenant)
        var ordinal: Int64 = 0
        let reader = LineReader(try PackageReader(folder, "events.ndjson"))
        while let (bytes, line, isWhole) = try reader.next() {
            defer { ordinal += 1 }
            guard isWhole, !odd.contains(ordinal), parser.parse(bytes, line), wanted.contains(parser.eventID) else {
                continue
            }
            originals[parser.eventID] = parser.position
        }
        return originals
    }

    private mutating func judge(_ line: EventPass.OddLine, _ originals: [[UInt8]: Int64]) throws(ProofError) {
        if line.isRepetition {
            findings.append(Finding(.eventReplayed, at: line.position, "line \(line.ordinal + 1) repeats it"))
            return
        }
        if let original = originals[line.eventID], let index = leaves.index(of: original),
            try EventLineParser.leaf(ofEntry: line.entry, at: original) == leaves.leaf(at: index)
        {
            if let index = line.index { missing.remove(index) }
            findings.append(Finding(.eventReplayed, at: line.position, "a copy of the event at position \(original)"))
            return
        }
        guard let index = line.index, missing.remove(index) != nil else {
            findings.append(Finding(.eventInserted, at: line.position, "line \(line.ordinal + 1) was never recorded"))
            return
        }
        if !line.hasStatedBody {
            findings.append(Finding(.bodyChanged, at: line.position, "the body is not the recorded one"))
        } else if !line.hasStatedSeals {
            findings.append(
                Finding(.sealedValueMismatch, at: line.position, "the digest of sealed members is not the recorded one")
            )
        } else if line.leaf != line.statedLeaf {
            findings.append(Finding(.headerChanged, at: line.position, "time, type, id, stream or version was altered"))
        } else {
            findings.append(Finding(.eventChanged, at: line.position, "header or body is not the recorded one"))
        }
    }

    private mutating func judgeMissing() {
        let lastGood = pass.seen.map(\.upperBound).max() ?? -1
        // From here on nothing follows but what is missing.
        var tail = leaves.count
        while tail - 1 > lastGood, missing.contains(tail - 1) { tail -= 1 }
        for index in missing.sorted() {
            guard let position = leaves.position(at: index) else { continue }
            findings.append(
                index >= tail
                    ? Finding(.truncated, at: position, "the last events are not there")
                    : Finding(.eventMissing, at: position, "it is not there"))
        }
    }

    /// Good lines that do not stand in the order of their positions.
    private mutating func judgeOrder() {
        let sorted = pass.seen.sorted { $0.lowerBound < $1.lowerBound }
        guard sorted != pass.seen else { return }
        var right = sorted.joined().makeIterator()
        for index in pass.seen.joined() {
            guard let expected = right.next(), expected != index, let position = leaves.position(at: index) else {
                continue
            }
            findings.append(Finding(.orderChanged, at: position, "it does not stand at its place"))
        }
    }
}
