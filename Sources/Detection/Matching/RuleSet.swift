package import JSON

/// A rule that holds for an event.
package struct RuleMatch: Sendable, Hashable {
    package let ruleID: String
    package let name: String?
    package let title: String
    package let level: SigmaLevel?
    package let tags: [String]
    package let author: String?
    package let docket: DocketHints?
}

/// Rules by the log source they are about, so that an event meets only those that concern it.
///
/// An engine is made for each combination of log sources whose rules meet the same records, when the first such record
/// comes, and kept.
package final class RuleSet: Sendable {
    struct Group: Sendable {
        let logsource: Logsource
        let windows: WindowsLogsource?
        var rules: [Int32]
    }

    let groups: [Group]
    let names: FieldNames
    /// What is told of each rule, by its number: the rules of a log source have numbers that follow each other, in the
    /// order in which they were given.
    private let told: [RuleMatch]
    private let tests: [FieldTest]
    private let windows: WindowsRoutes
    private let slots: EngineSlots

    package var ruleCount: Int { told.count }

    package init(rules: [SigmaRule]) {
        var order: [Logsource] = []
        var byLogsource: [Logsource: [SigmaRule]] = [:]
        for rule in rules {
            if byLogsource[rule.logsource] == nil { order.append(rule.logsource) }
            byLogsource[rule.logsource, default: []].append(rule)
        }
        var groups: [Group] = []
        var told: [RuleMatch] = []
        var tests: [FieldTest] = []
        var names = FieldNames()
        for logsource in order {
            let rules = byLogsource[logsource] ?? []
            let windows = logsource.product == "windows" ? WindowsLogsource.conditions(for: logsource) : nil
            let first = Int32(told.count)
            groups.append(
                Group(logsource: logsource, windows: windows, rules: Array(first..<(first + Int32(rules.count)))))
            for rule in rules {
                told.append(RuleMatch(rule))
                tests.append(rule.detection.test)
                for name in rule.detection.test.fieldNames { _ = names.insert(name) }
            }
        }
        for name in FieldMappings.allNames + RecordSigns.names { _ = names.insert(name) }
        self.groups = groups
        self.told = told
        self.tests = tests
        self.names = names
        slots = EngineSlots()
        windows = WindowsRoutes(groups, names, slots)
    }

    /// Log sources of Windows rules that no channel and event id is known for: they speak only for records whose
    /// sender names the log source.
    package var unmapped: [Logsource] {
        groups.filter { $0.logsource.product == "windows" && $0.windows == nil }.map(\.logsource)
    }

    /// What is told of a rule. - Parameter number: of `EventEvaluator.found`.
    package func match(_ number: Int32) -> RuleMatch { told[Int(number)] }

    /// The rules that hold for a record, in the order in which they were given within each log source.
    /// - Parameter extracted: fields that a source read out of a text (`DetectionEvent`).
    package func matches(
        _ record: JSONValue, logsource: Logsource, extracted: [String: String] = [:]
    ) -> [RuleMatch] {
        evaluate(DetectionEvent(record, logsource: logsource, extracted: extracted))
    }

    /// The rules that hold for an event. For many events there is `EventEvaluator`.
    package func evaluate(_ event: DetectionEvent) -> [RuleMatch] {
        var evaluator = EventEvaluator(self, logsource: event.logsource)
        evaluator.evaluate(event)
        return evaluator.found.map(match)
    }

    /// How records of a log source are read, and which rules meet all of them.
    struct Source: Sendable {
        /// Completed.
        let logsource: Logsource
        let naming: EventScanner.Naming
        let aliases: [(field: Int32, sources: [Int32])]
        /// The rules for every record of it, in so far as no channel says more.
        let slot: Int
        /// Of Windows the rules whose log source the sender must name, and the field that tells the rest.
        let namedSlot: Int
        let channel: Int32?
    }

    func source(_ logsource: Logsource) -> Source {
        let logsource = logsource.completed
        let isWindows = logsource.product == "windows"
        let covering = groups.indices.filter { groups[$0].logsource.covers(logsource) }
        return Source(
            logsource: logsource, naming: isWindows ? .leaves : .paths,
            aliases: FieldMappings.aliases(for: logsource).compactMap { alias in
                names.number(of: alias.field).map { ($0, alias.sources.compactMap { names.number(of: $0) }) }
            },
            slot: slots.number(of: covering),
            namedSlot: slots.number(of: covering.filter { groups[$0].windows == nil }),
            channel: isWindows ? names.number(of: "Channel") : nil)
    }

    /// The slots of the rules for a record. A log source counts that is what the sender named; of Windows events the
    /// channel and the event id tell it.
    @inline(__always)
    func route(_ source: Source, _ table: inout EventTable, _ record: Span<UInt8>, into chosen: inout [Int]) {
        guard let channel = source.channel, table.first[Int(channel)] >= 0 else {
            chosen.append(source.slot)
            return
        }
        windows.route(channel: channel, &table, record, into: &chosen)
        chosen.append(source.namedSlot)
    }

    /// Makes the engines that records of a log source may need, on all cores, so that none of them has to wait.
    package func prepare(for logsource: Logsource) async {
        let source = source(logsource)
        let needed = Set([source.slot, source.namedSlot] + (source.channel == nil ? [] : windows.slots))
        await withTaskGroup(of: Void.self) { group in
            for slot in needed.sorted() { group.addTask { @concurrent [self] in _ = engine(slot) } }
        }
    }

    /// The engine of a slot; `nil` where there are no rules.
    func engine(_ slot: Int) -> EventEngine? {
        slots.engine(slot) { groups in
            let rules = groups.flatMap { self.groups[$0].rules }.map { (number: $0, test: tests[Int($0)]) }
            return EventEngine(rules, names: names)
        }
    }
}

extension RuleMatch {
    init(_ rule: SigmaRule) {
        self.init(
            ruleID: rule.id, name: rule.name, title: rule.title, level: rule.level, tags: rule.tags,
            author: rule.author, docket: rule.docket)
    }
}
