import SeededChance
import Testing

@testable import Detection

@Suite("Texts that came before")
struct KnownTextsTests {
    @Test("what is known of a text is what was noted of it, however many come and whatever is forgotten")
    func remembering() {
        var chance = SeededGenerator(seed: 5)
        var known = KnownTexts()
        var hits = 0
        // The answer follows from the text, so whatever is remembered can be checked.
        func answer(_ text: [UInt8], _ literals: UInt64) -> [Int32] {
            (0..<text.count % 4).map { Int32(truncatingIfNeeded: $0 + Int(text.first ?? 0) + 1_000 * Int(literals)) }
        }
        for _ in 0..<60_000 {
            // Few texts come often, many once.
            let number =
                Int.random(in: 0..<2, using: &chance) == 0
                ? Int.random(in: 0..<50, using: &chance) : Int.random(in: 50..<100_000, using: &chance)
            let text = [UInt8](repeating: UInt8(number & 0xFF), count: number % 300) + Array("\(number)".utf8)
            let literals = UInt64.random(in: 0..<3, using: &chance)
            let record = [0x7B] + text + [0x7D]
            let key = KnownTexts.key(literals, record.span, 1..<(record.count - 1))
            if let places = known.found(key, record.span) {
                hits += 1
                #expect(places.map { known.predicates[$0] } == answer(text, literals))
            } else {
                known.note(key, record.span, answer(text, literals))
            }
        }
        #expect(hits > 10_000, "\(hits)")
    }

    @Test("a text is known from the second time on")
    func secondTime() {
        var known = KnownTexts()
        let text = Array("cmd.exe".utf8)
        let key = KnownTexts.key(1, text.span, 0..<text.count)
        known.note(key, text.span, [7])
        #expect(known.found(key, text.span) == nil)
        known.note(key, text.span, [7])
        #expect(known.found(key, text.span).map { $0.map { known.predicates[$0] } } == [7])
        #expect(known.found(KnownTexts.key(2, text.span, 0..<text.count), text.span) == nil)
    }

    @Test("texts that are made to have the same hash are told apart")
    func collision() {
        func bytes(_ words: UInt64...) -> [UInt8] {
            words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
        }
        // A word that equals the state leaves nothing of it; the second word of the other text undoes its first.
        let literals: UInt64 = 9
        let start = WordHash(seed: Int(literals), count: 16)
        var other = start
        other.add(0x4141_4141_4141_4141)
        let one = bytes(start.value, 0x4242_4242_4242_4242)
        let two = bytes(0x4141_4141_4141_4141, other.value ^ 0x4242_4242_4242_4242)
        let keys = (
            KnownTexts.key(literals, one.span, 0..<16), KnownTexts.key(literals, two.span, 0..<16)
        )
        #expect(keys.0.hash == keys.1.hash && one != two)
        var known = KnownTexts()
        for _ in 0..<2 { known.note(keys.0, one.span, [1]) }
        #expect(known.found(keys.0, one.span) != nil)
        #expect(known.found(keys.1, two.span) == nil)
    }
}
