import SeededChance
import Testing

@testable import Cases

@Suite("A sorted map")
struct SortedMapTests {
    @Test("does what a dictionary does, in the order of its keys, for any history of changes", arguments: 0..<20)
    func history(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        var map = SortedMap<Int, Int>()
        var model: [Int: Int] = [:]
        var kept: [(map: SortedMap<Int, Int>, model: [Int: Int])] = []
        let range = Int.random(in: 1...600, using: &chance)
        for step in 0..<2_000 {
            let key = Int.random(in: 0...range, using: &chance)
            switch Int.random(in: 0..<4, using: &chance) {
            case 0:
                let removed = map.removeValue(forKey: key)
                let expected = model.removeValue(forKey: key)
                #expect(removed == expected)
            case 1:
                map[key] = nil
                model[key] = nil
            default:
                map[key] = step
                model[key] = step
            }
            #expect(map.count == model.count && map.isEmpty == model.isEmpty)
            if step.isMultiple(of: 250) { kept.append((map, model)) }
        }
        kept.append((map, model))
        // A copy stays as it was when it was made.
        for (map, model) in kept {
            let expected = model.sorted { $0.key < $1.key }
            #expect(Array(map.keys) == expected.map(\.key) && Array(map.values) == expected.map(\.value))
            for key in -1...(range + 1) {
                #expect(map[key] == model[key])
                let rest = map.entries(from: key).map(\.key)
                let wanted = expected.map(\.key).filter { $0 >= key }
                #expect(rest == wanted, "seed \(seed), from \(key)")
            }
            let again = SortedMap(model.map { (key: $0.key, value: $0.value) })
            #expect(Array(again.keys) == expected.map(\.key) && again.count == model.count)
        }
    }

    @Test("made of entries with equal keys it has the last of them")
    func equalKeys() {
        let map = SortedMap([(2, "a"), (1, "b"), (2, "c"), (1, "d")].map { (key: $0.0, value: $0.1) })
        #expect(Array(map.keys) == [1, 2] && Array(map.values) == ["d", "c"] && map.count == 2)
    }
}
