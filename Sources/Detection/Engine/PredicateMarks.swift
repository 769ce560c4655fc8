/// Which predicates of an engine are known to be true for a record, and which rules that calls for.
///
/// Used again for every record: what is marked is what has the number of the run at hand, so nothing is ever cleared.
struct PredicateMarks {
    private(set) var run: UInt32 = 0
    private(set) var marks: [UInt32] = []
    private var queued: [UInt32] = []
    private(set) var queue: [Int32] = []
    /// Answers of tests: `run` for no, `run + 1` for yes.
    private var answers: [UInt32] = []

    mutating func begin(_ engine: EventEngine) {
        run &+= 2
        if run == 0 {
            run = 2
            for place in marks.indices { marks[place] = 0 }
            for place in queued.indices { queued[place] = 0 }
            for place in answers.indices { answers[place] = 0 }
        }
        grow(&marks, engine.predicateCount)
        grow(&answers, engine.predicateCount)
        grow(&queued, engine.ruleCount)
        queue.removeAll(keepingCapacity: true)
    }

    private func grow(_ array: inout [UInt32], _ count: Int) {
        if array.count < count { array.append(contentsOf: repeatElement(0, count: count - array.count)) }
    }

    /// What was marked since `listen`, marked before or not; more than `KnownTexts` keeps is not told.
    private(set) var heard: [Int32] = []

    @inline(__always)
    mutating func listen() { heard.removeAll(keepingCapacity: true) }

    @inline(__always)
    mutating func mark(_ predicate: Int32, _ engine: EventEngine) {
        if heard.count <= KnownTexts.foundMaximum { heard.append(predicate) }
        if marks[Int(predicate)] == run { return }
        marks[Int(predicate)] = run
        for place in engine.anchored(to: predicate) {
            let rule = engine.anchoredRules[place]
            if queued[Int(rule)] == run { continue }
            queued[Int(rule)] = run
            queue.append(rule)
        }
    }

    @inline(__always)
    func isMarked(_ predicate: Int32) -> Bool { marks[Int(predicate)] == run }

    @inline(__always)
    func answer(_ predicate: Int32) -> Bool? {
        let answer = answers[Int(predicate)]
        return answer == run ? false : answer == run + 1 ? true : nil
    }

    @inline(__always)
    mutating func note(_ answer: Bool, _ predicate: Int32) { answers[Int(predicate)] = answer ? run + 1 : run }
}
