import Detection
import Foundation
import JSON

/// Records of one kind, one after the other in memory.
struct Stream {
    let name: String
    private(set) var bytes: [UInt8] = []
    private(set) var places: [Range<Int>] = []

    init(name: String) { self.name = name }

    mutating func append(_ record: ArraySlice<UInt8>) {
        places.append(bytes.count..<(bytes.count + record.count))
        bytes += record
        bytes.append(0x0A)
    }

    mutating func append(_ other: Stream) {
        let offset = bytes.count
        places += other.places.map { ($0.lowerBound + offset)..<($0.upperBound + offset) }
        bytes += other.bytes
    }

    func first(_ count: Int) -> Stream {
        var stream = Stream(name: name)
        for place in places.prefix(count) { stream.append(bytes[place]) }
        return stream
    }

    /// - Returns: how many matches there were.
    func run(_ evaluator: inout EventEvaluator, upTo stage: EventEvaluator.Stage) -> Int {
        let span = bytes.span
        var matches = 0
        for place in places {
            _ = evaluator.work(on: span.extracting(place), upTo: stage)
            matches += evaluator.found.count
        }
        return matches
    }

    var lineCount: Int {
        let span = bytes.span
        var count = 0
        var index = 0
        while index < span.count {
            index = LineFeed.next(in: span, from: index) + 1
            count += 1
        }
        return count
    }

    func readWithFoundation() -> Int {
        var read = 0
        for place in places where (try? JSONSerialization.jsonObject(with: Data(bytes[place]))) != nil { read += 1 }
        return read
    }
}
