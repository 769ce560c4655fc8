import Events
import Foundation
import SeededChance
import Testing

@testable import Proof

/// The readers that work on bytes in place, held against the slow ones of the house.
@Suite struct ScanTests {
    @Test("times are read as the house reads them, and only in the one form")
    func times() {
        var chance = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            let instant = Instant(
                microseconds: Int64.random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &chance))
            #expect(time(instant.rfc3339) == instant.microseconds)
        }
        for text in [
            "2026-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z",
            "2026-01-00T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:60:00.000000Z",
            "2026-01-01T00:00:60.000000Z", "2026-01-01t00:00:00.000000Z", "2026-01-01T00:00:00.00000Z",
            "2026-01-01T00:00:00.000000+", "+026-01-01T00:00:00.000000Z", "1900-02-29T00:00:00.000000Z", "",
        ] {
            #expect(time(text) == nil, "\(text)")
        }
        #expect(time("2000-02-29T00:00:00.000000Z") != nil)
    }

    private func time(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        var at = 0
        let value = Scan.time(bytes, &at, bytes.count)
        return at == bytes.count ? value : nil
    }

    @Test("integers are read up to the limits of 64 bits, and only in the one form")
    func integers() {
        for value in [0, 1, -1, 9, 10, 42, -907, Int64.max, Int64.max - 1, Int64.min, Int64.min + 1] {
            #expect(integer(String(value)) == value)
        }
        for text in [
            "", "-", "-0", "00", "01", "-01", "+1", "1a", "9223372036854775808", "-9223372036854775809",
            "99999999999999999999",
        ] {
            #expect(integer(text) == nil, "\(text)")
        }
    }

    private func integer(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        var at = 0
        let value = Scan.integer(bytes, &at, bytes.count)
        return at == bytes.count ? value : nil
    }

    @Test("hashes are read eight digits at a time as digit by digit, and nothing but lower-case digits is one")
    func hashes() throws {
        var chance = SeededGenerator(seed: 12)
        for _ in 0..<2_000 {
            let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &chance) }
            var text = Array(bytes.hexadecimal.utf8)
            var at = 0
            let hash = Scan.hash(text, &at, 64)
            #expect(hash == TreeHash(bytes))
            let place = Int.random(in: 0..<64, using: &chance)
            let byte = UInt8.random(in: 0...255, using: &chance)
            let isDigit = (48...57).contains(byte) || (97...102).contains(byte)
            text[place] = byte
            at = 0
            let isRead = Scan.hash(text, &at, 64) != nil
            #expect(isRead == isDigit, "byte \(byte)")
        }
    }

    @Test("a line mutated anywhere is refused or read, never more than its own bytes")
    func mutatedLines() throws {
        let log = SyntheticLog(count: 8)
        var chance = SeededGenerator(seed: 13)
        var parser = EventLineParser(tenant: log.tenant)
        for event in log.events {
            let line = try EventLine.text(of: event, tenant: log.tenant).dropLast()
            let isRead = parser.parse(Array(line), 0..<line.count)
            #expect(isRead)
            #expect(parser.leaf == log.leaves[Int(event.position)] && parser.leaf == parser.statedLeaf)
            #expect(parser.differingColumns(Array(line), 0..<line.count) == [])
            for _ in 0..<500 {
                var bytes = Array(line)
                switch Int.random(in: 0..<3, using: &chance) {
                case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &chance))
                case 1: bytes.remove(at: Int.random(in: 0..<bytes.count, using: &chance))
                default:
                    bytes[Int.random(in: 0..<bytes.count, using: &chance)] = UInt8.random(in: 0...255, using: &chance)
                }
                if parser.parse(bytes, 0..<bytes.count) { _ = parser.differingColumns(bytes, 0..<bytes.count) }
            }
        }
    }
}
