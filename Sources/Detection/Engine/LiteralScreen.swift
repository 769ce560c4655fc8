import JSON

/// Says of a value's bytes, as they stand in a record, that none of many literals is in it: before escapes are resolved,
/// case is folded, or an object is written anew. It may fail to say so, never say it wrongly.
///
/// Only for values in which each character is ASCII and written in the one way that canonical JSON has for it
/// (not `EventTable.Entry.isFree`).
struct LiteralScreen: Sendable {
    /// For texts: the literals as JSON writes them.
    private let texts: LiteralPrefilter?
    /// A text must be longer than that not to be one of the literals.
    private let longestWhole: Int
    /// For objects: of each literal a piece that stands in one member or value.
    private let objects: LiteralPrefilter?

    /// - Parameter hasEdges: there are short literals besides, for which nothing can be ruled out.
    init(wholes: [[UInt8]], parts: [[UInt8]], hasEdges: Bool) {
        texts = hasEdges ? nil : LiteralPrefilter(parts.map(Self.written), seeingAll: true)
        longestWhole = wholes.map(\.count).max() ?? 0
        let pieces = hasEdges ? [] : (wholes + parts).map(Self.piece)
        objects = pieces.contains([]) ? nil : LiteralPrefilter(pieces, seeingAll: true)
    }

    /// Whether a text is ruled out as quickly as it is found among those that are known.
    var isQuick: Bool { texts?.step == 4 }

    @inline(__always)
    func rulesOut(_ record: Span<UInt8>, _ range: Range<Int>, isObject: Bool) -> Bool {
        if isObject { return Self.sees(nothingOf: objects, record, range) }
        // An escape takes two bytes for one.
        return range.count > 2 * longestWhole && Self.sees(nothingOf: texts, record, range)
    }

    private static func sees(
        nothingOf prefilter: borrowing LiteralPrefilter?, _ record: Span<UInt8>, _ range: Range<Int>
    ) -> Bool {
        guard let start = prefilter?.next(record, from: range.lowerBound, to: range.upperBound).start else {
            return false
        }
        return start >= range.upperBound
    }

    /// A text as it stands in JSON. What is not UTF-8, or takes an escape by number, is in no text that is asked about, so
    /// it does not matter how it is written.
    private static func written(_ text: [UInt8]) -> [UInt8] {
        Array(JSONValue.string(String(decoding: text, as: UTF8.self)).canonicalBytes().dropFirst().dropLast())
    }

    private static let structure = Set("\"\\,:{}[]".utf8)
    private static let ofNumbers = Set("0123456789+-.e".utf8)

    /// The longest stretch of a literal that can only stand within one name or value of an object, and there only as it
    /// is: nothing of JSON's structure, no escape, and no number, which may be written otherwise. Empty where there is
    /// none.
    private static func piece(_ literal: [UInt8]) -> [UInt8] {
        literal.split { $0 < 0x20 || structure.contains($0) }
            .filter { part in part.contains { !ofNumbers.contains($0) } }
            .max { $0.count < $1.count }.map(Array.init) ?? []
    }
}
