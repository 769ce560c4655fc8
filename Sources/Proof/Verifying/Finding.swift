import Events
package import JSON

/// Something that a verification found.
package struct Finding: Sendable, Hashable {
    /// The classes; their names are part of the format and never change.
    package enum Class: String, Sendable, Hashable, CaseIterable {
        /// The body is not the one that was recorded.
        case bodyChanged = "body_changed"
        /// Time, type, id, stream or version is not the one that was recorded.
        case headerChanged = "header_changed"
        /// The event is not the one that was recorded, and agrees with itself: it was altered before it was exported,
        /// or with all its digests. Whether in header or body, no hash can tell.
        case eventChanged = "event_changed"
        /// A column beside the body differs from the body, which is as recorded.
        case columnMismatch = "column_mismatch"
        case eventMissing = "event_missing"
        case eventInserted = "event_inserted"
        /// A recorded event once more.
        case eventReplayed = "event_replayed"
        /// Recorded events stand in another order, or with exchanged positions.
        case orderChanged = "order_changed"
        /// Recorded events under other positions; the position reported is the true one.
        case positionsRenumbered = "positions_renumbered"
        /// The last events are missing; or the log is known to have been longer.
        case truncated
        /// An event was recorded no later than the one before it.
        case timeReversed = "time_reversed"
        /// A checkpoint whose signature is not valid.
        case checkpointForged = "checkpoint_forged"
        /// A signature by none of the keys that are trusted.
        case wrongKey = "wrong_key"
        /// Two signed checkpoints that contradict each other.
        case splitView = "split_view"
        /// The package does not tell whether it goes on from the checkpoint that was given.
        case consistencyUnproven = "consistency_unproven"
        /// A hash of the tree was altered; the event at its place is as recorded.
        case tileAltered = "tile_altered"
        /// Events and hashes do not lead to the signed root; what was altered lies in these positions.
        case rootMismatch = "root_mismatch"
        /// A sealed value, its salt or its digest is not the one that was recorded.
        case sealedValueMismatch = "sealed_value_mismatch"
        /// Raw input is not what its digest says, or no event names it.
        case evidenceMismatch = "evidence_mismatch"
        /// The manifest is not the one that was signed.
        case manifestForged = "manifest_forged"
        /// A file is not the one of the manifest, in a part about which nothing more is known.
        case fileAltered = "file_altered"
        /// Something that should be there is not, is not what the format says, or is too much.
        case packageMalformed = "package_malformed"
    }

    package var `class`: Class
    /// The first and last position concerned, when positions are.
    package var positions: ClosedRange<Int64>?
    package var file: String?
    package var detail: String

    package init(
        _ class: Class, _ positions: ClosedRange<Int64>? = nil, file: String? = nil, _ detail: String
    ) {
        self.class = `class`
        self.positions = positions
        self.file = file
        self.detail = detail
    }

    init(_ class: Class, at position: Int64, file: String? = "events.ndjson", _ detail: String) {
        self.init(`class`, position...position, file: file, detail)
    }

    package var json: JSONValue {
        [
            "class": .string(`class`.rawValue), "first": positions.map { .integer($0.lowerBound) } ?? .null,
            "last": positions.map { .integer($0.upperBound) } ?? .null, "file": file.map { .string($0) } ?? .null,
            "detail": .string(detail),
        ]
    }
}

extension [Finding] {
    /// Ordered, and neighbours of one class told as one.
    func summarized() -> [Finding] {
        let ordered = sorted { left, right in
            let leftFirst = left.positions?.lowerBound ?? -1
            let rightFirst = right.positions?.lowerBound ?? -1
            if leftFirst != rightFirst { return leftFirst < rightFirst }
            if left.class != right.class { return left.class.rawValue < right.class.rawValue }
            return (left.file ?? "") < (right.file ?? "")
        }
        // A class may interleave with others, so the open range of each is kept.
        var result: [Finding] = []
        var open: [String: Int] = [:]
        for finding in ordered {
            let key = finding.class.rawValue + "|" + (finding.file ?? "")
            if let index = open[key], let before = result[index].positions, let now = finding.positions,
                now.lowerBound <= before.upperBound + 1
            {
                result[index].positions = before.lowerBound...Swift.max(before.upperBound, now.upperBound)
                continue
            }
            if finding.positions != nil { open[key] = result.count }
            result.append(finding)
        }
        return result
    }
}
