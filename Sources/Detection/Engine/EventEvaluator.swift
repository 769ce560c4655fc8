package import JSON

/// Holds a rule set against records, one after the other: one for each task that does so. It keeps its memory between
/// records.
package struct EventEvaluator: Sendable {
    private let set: RuleSet
    private let source: RuleSet.Source
    private let limits: JSONLimits
    private let signs: RecordSigns.Numbers
    private var table: EventTable
    private var marks = PredicateMarks()
    private var known = KnownTexts()
    private var slots: [Int] = []
    /// Engines by slot, as far as they were needed here.
    private var engines: [EventEngine?] = []
    /// Numbers of the rules that hold for the last record, ascending (`RuleSet.match`).
    package private(set) var found: [Int32] = []
    package private(set) var statistics: RuleStatistics

    /// - Parameter signs: what `evaluatePlain` asks for.
    package init(
        _ set: RuleSet, logsource: Logsource, limits: JSONLimits = .standard, signs: RecordSigns = RecordSigns()
    ) {
        self.set = set
        self.signs = RecordSigns.Numbers(signs, set.names)
        self.limits = limits
        source = set.source(logsource)
        table = EventTable(set.names)
        statistics = RuleStatistics(ruleCount: set.ruleCount)
    }

    /// Reads a record and holds the rules against it: `found` has what holds.
    /// - Parameter extracted: fields that a source reads out of a text (`DetectionEvent`); with it the record is read the
    ///   slow way.
    package mutating func evaluate(
        _ record: Span<UInt8>, extracted: ((JSONValue) -> [String: String])? = nil
    ) throws(JSONError) {
        if extracted == nil, scan(record) {
            resolveAliases()
        } else {
            let value = try JSONValue.parseEvidence(Array(copying: record), limits: limits).value
            begin()
            load(DetectionEvent(value, logsource: source.logsource, extracted: extracted?(value) ?? [:]))
        }
        evaluateTable(record)
    }

    /// Holds the rules against a record that can be judged as it stands.
    /// - Returns: whether a rule holds; `nil` where the signs are missing or the record cannot be read: nothing was done,
    ///   and the caller has to look at it.
    package mutating func evaluatePlain(_ record: Span<UInt8>) -> Bool? {
        guard scan(record), table.has(signs) else { return nil }
        resolveAliases()
        evaluateTable(record)
        return !found.isEmpty
    }

    /// How far a record is worked on, for whoever measures the parts: it is read; its fields and log source have their
    /// names; the rules are held against it, with the case of texts folded where somebody asks.
    package enum Stage: Sendable, CaseIterable { case parse, normalize, match }

    /// Works on a record up to a stage. - Returns: whether it was read from its bytes.
    package mutating func work(on record: Span<UInt8>, upTo stage: Stage) -> Bool {
        guard scan(record) else { return false }
        if stage == .parse { return true }
        resolveAliases()
        if stage == .match {
            evaluateTable(record)
        } else {
            slots.removeAll(keepingCapacity: true)
            set.route(source, &table, record, into: &slots)
        }
        return true
    }

    /// Holds the rules against a record that was read already.
    package mutating func evaluate(_ event: DetectionEvent) {
        begin()
        load(event)
        let nothing: [UInt8] = []
        evaluateTable(nothing.span)
    }

    private mutating func begin() {
        found.removeAll(keepingCapacity: true)
        table.clear()
    }

    /// - Returns: whether the record could be read from its bytes.
    @inline(__always)
    private mutating func scan(_ record: Span<UInt8>) -> Bool {
        begin()
        return EventScanner.read(record, into: &table, names: set.names, naming: source.naming, limits: limits)
    }

    @inline(__always)
    private mutating func resolveAliases() {
        for alias in source.aliases { for other in alias.sources { table.alias(alias.field, to: other) } }
    }

    private mutating func load(_ event: DetectionEvent) {
        for (name, field) in event.fields {
            let number = set.names.number(of: name) ?? -1
            for text in field.texts { table.append(text.raw, folded: text.folded, as: number, kind: .text) }
            if number < 0 { continue }
            for text in field.objectTexts { table.append(text.raw, folded: text.folded, as: number, kind: .objectText) }
            if field.isObject { table.append([], folded: [], as: number, kind: .object) }
            if field.texts.isEmpty, !field.isObject { table.append([], folded: [], as: number, kind: .present) }
        }
    }

    private mutating func evaluateTable(_ record: Span<UInt8>) {
        statistics.records += 1
        slots.removeAll(keepingCapacity: true)
        set.route(source, &table, record, into: &slots)
        var runs = 0
        for place in slots.indices {
            guard let engine = engine(slots[place]) else { continue }
            run(engine, slots[place], record)
            runs += 1
        }
        if found.count > 1 { found.sort() }
        // Several channels in one record may have rules in common.
        if runs > 1, found.count > 1 {
            var kept = 1
            for index in 1..<found.count where found[index] != found[kept - 1] {
                found[kept] = found[index]
                kept += 1
            }
            found.removeLast(found.count - kept)
        }
        for rule in found { statistics.matches[Int(rule)] += 1 }
    }

    @inline(__always)
    private mutating func engine(_ slot: Int) -> EventEngine? {
        if slot == EngineSlots.empty { return nil }
        if slot < engines.count, let engine = engines[slot] { return engine }
        let engine = set.engine(slot)
        while engines.count <= slot { engines.append(nil) }
        engines[slot] = engine
        return engine
    }

    private mutating func run(_ engine: EventEngine, _ slot: Int, _ record: Span<UInt8>) {
        marks.begin(engine)
        var index = 0
        while index < table.touched.count {
            let field = Int(table.touched[index])
            index += 1
            let place = engine.matcherOfField[field]
            if place < 0 { continue }
            let literals = UInt64(slot) << 32 | UInt64(place + 1)
            var entry = table.first[field]
            while entry >= 0 {
                scan(Int(entry), engine.matchers[Int(place)], literals, engine, record, withObjects: true)
                entry = table.entries[Int(entry)].next
            }
        }
        if let matcher = engine.anywhere {
            for entry in 0..<table.entries.count {
                scan(entry, matcher, UInt64(slot) << 32, engine, record, withObjects: false)
            }
        }
        let isTimed = statistics.records % RuleStatistics.sampling == 0
        for rule in engine.unanchored { evaluate(rule, engine, record, isTimed) }
        index = 0
        while index < marks.queue.count {
            evaluate(marks.queue[index], engine, record, isTimed)
            index += 1
        }
    }

    /// Looks for the literals of a field in one of its texts.
    /// - Parameter literals: a number for them.
    @inline(__always)
    private mutating func scan(
        _ place: Int, _ matcher: FieldMatcher, _ literals: UInt64, _ engine: EventEngine, _ record: Span<UInt8>,
        withObjects: Bool
    ) {
        let entry = table.entries[place]
        guard entry.kind == .text || withObjects && entry.kind == .objectText else { return }
        if matcher.isQuicklyRuledOut, matcher.isRuledOut(entry, record) { return }
        guard entry.isPlain, Int(entry.count) <= KnownTexts.longest else {
            look(for: matcher, in: place, entry, engine, record)
            return
        }
        // An object is not the text that reads like it: what is searched is its canonical JSON.
        let ofKind = entry.kind == .objectText ? literals | 1 << 63 : literals
        let key = KnownTexts.key(ofKind, record, entry.range)
        if let found = known.found(key, record) {
            for index in found { marks.mark(known.predicates[index], engine) }
            return
        }
        marks.listen()
        look(for: matcher, in: place, entry, engine, record)
        if marks.heard.count <= KnownTexts.foundMaximum { known.note(key, record, marks.heard) }
    }

    private mutating func look(
        for matcher: FieldMatcher, in place: Int, _ entry: EventTable.Entry, _ engine: EventEngine,
        _ record: Span<UInt8>
    ) {
        if !matcher.isQuicklyRuledOut, matcher.isRuledOut(entry, record) { return }
        let range = table.folded(place, in: record)
        matcher.scan(table.text, range, &marks, engine)
    }

    private mutating func evaluate(
        _ rule: Int32, _ engine: EventEngine, _ record: Span<UInt8>, _ isTimed: Bool
    ) {
        let number = engine.rules[Int(rule)]
        statistics.evaluations[Int(number)] += 1
        let exceeded = table.exceeded
        let start = isTimed ? ContinuousClock.now : nil
        let isFound = holds(engine.program.roots[Int(rule)], engine, record)
        if let start { statistics.note(ContinuousClock.now - start, rule: Int(number)) }
        // An expression that was given up may be part of what speaks for the rule or against it.
        if table.exceeded != exceeded {
            statistics.skipped[Int(number)] += 1
        } else if isFound {
            found.append(number)
        }
    }

    private mutating func holds(_ place: Int32, _ engine: EventEngine, _ record: Span<UInt8>) -> Bool {
        let node = engine.program.nodes[Int(place)]
        switch node.kind {
        case .predicate: return answer(node.first, engine, record)
        case .not: return !holds(node.first, engine, record)
        case .all:
            for part in Int(node.first)..<Int(node.first + node.count)
            where !holds(engine.program.parts[part], engine, record) { return false }
            return true
        case .any:
            for part in Int(node.first)..<Int(node.first + node.count)
            where holds(engine.program.parts[part], engine, record) { return true }
            return false
        }
    }

    @inline(__always)
    private mutating func answer(_ number: Int32, _ engine: EventEngine, _ record: Span<UInt8>) -> Bool {
        if marks.isMarked(number) { return answerMarked(number, engine, record) }
        return engine.program.hasLiterals[Int(number)] ? false : test(number, engine, record)
    }

    private mutating func answerMarked(_ number: Int32, _ engine: EventEngine, _ record: Span<UInt8>) -> Bool {
        engine.program.isByLiterals[Int(number)] || test(number, engine, record)
    }

    private mutating func test(_ number: Int32, _ engine: EventEngine, _ record: Span<UInt8>) -> Bool {
        if let known = marks.answer(number) { return known }
        guard case .byTest(let test) = engine.program.predicates[Int(number)].finding else { return false }
        let answer = table.holds(test, in: record)
        marks.note(answer, number)
        return answer
    }
}
