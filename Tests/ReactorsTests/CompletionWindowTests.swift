import Foundation
import Testing

@testable import Reactors

@Suite("Completion window")
struct CompletionWindowTests {
    private let a = UUID()
    private let b = UUID()

    @Test("the checkpoint stays before the oldest unfinished work")
    func checkpoint() {
        var window = CompletionWindow(next: 10, limit: 8)
        #expect(window.checkpoint == 10 && window.isIdle)
        let started = [window.add(10, key: a), window.add(11, key: b)]
        #expect(started == [true, true])
        #expect(window.next == 12 && window.checkpoint == 10)
        let afterSecond = window.finish(11, key: b)
        #expect(afterSecond == nil)
        #expect(window.checkpoint == 10, "10 is still being worked on")
        let afterFirst = window.finish(10, key: a)
        #expect(afterFirst == nil)
        #expect(window.checkpoint == 12 && window.isIdle)
    }

    @Test("events of one case wait for one another, in their order")
    func serial() {
        var window = CompletionWindow(next: 0, limit: 8)
        let started = [(0, a), (1, a), (2, a), (3, b)].map { window.add($0, key: $1) }
        #expect(started == [true, false, false, true], "one case waits for itself, another does not wait for it")
        let second = window.finish(0, key: a)
        #expect(second == 1 && window.checkpoint == 1)
        let third = window.finish(1, key: a)
        #expect(third == 2 && window.checkpoint == 2)
        let none = window.finish(2, key: a)
        #expect(none == nil && window.checkpoint == 3)
        let isFree = window.add(4, key: a)
        #expect(isFree, "the case is free again")
    }

    @Test("what needs no work moves the checkpoint only when nothing is open before it")
    func skipping() {
        var window = CompletionWindow(next: 0, limit: 8)
        window.skip(to: 5)
        #expect(window.next == 5 && window.checkpoint == 5)
        let isFree = window.add(5, key: a)
        #expect(isFree)
        window.skip(to: 9)
        #expect(window.next == 9 && window.checkpoint == 5)
        window.skip(to: 7)
        #expect(window.next == 9, "it never goes back")
        _ = window.finish(5, key: a)
        #expect(window.checkpoint == 9)
    }

    @Test("a full window has no room until something is finished")
    func room() {
        var window = CompletionWindow(next: 0, limit: 2)
        #expect(window.hasRoom)
        _ = window.add(0, key: a)
        #expect(window.hasRoom)
        _ = window.add(1, key: a)
        #expect(!window.hasRoom, "waiting work counts too")
        _ = window.finish(0, key: a)
        #expect(window.hasRoom)
    }

    @Test("in any order of completion, no unfinished position is ever passed")
    func anyOrder() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var window = CompletionWindow(next: 0, limit: 64)
            let keys = (0..<4).map { _ in UUID() }
            let work = (Int64(0)..<32).map { ($0, keys.randomElement(using: &generator) ?? keys[0]) }
            var ready: [(Int64, UUID)] = []
            for (position, key) in work where window.add(position, key: key) { ready.append((position, key)) }
            var unfinished = Set(work.map(\.0))
            while let index = ready.indices.randomElement(using: &generator) {
                let (position, key) = ready.remove(at: index)
                unfinished.remove(position)
                if let next = window.finish(position, key: key) { ready.append((next, key)) }
                #expect(window.checkpoint == unfinished.min() ?? 32)
            }
            #expect(unfinished.isEmpty && window.isIdle)
        }
    }
}
