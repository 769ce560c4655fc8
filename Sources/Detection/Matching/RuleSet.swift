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
/// All evaluation is behind `evaluate`: an engine with an index over all literals can take its place.
package struct RuleSet: Sendable {
    private struct Group: Sendable {
        let logsource: Logsource
        let windows: WindowsLogsource?
        var rules: [SigmaRule]
    }

    private var groups: [Group] = []
    /// Groups of Windows rules by channel, its case folded; those for every channel are under none.
    private var byChannel: [[UInt8]: [Int]] = [:]
    private var onEveryChannel: [Int] = []
    package var ruleCount: Int { groups.reduce(0) { $0 + $1.rules.count } }

    package init(rules: [SigmaRule]) {
        var places: [Logsource: Int] = [:]
        for rule in rules {
            if let place = places[rule.logsource] {
                groups[place].rules.append(rule)
            } else {
                places[rule.logsource] = groups.count
                let windows =
                    rule.logsource.product == "windows" ? WindowsLogsource.conditions(for: rule.logsource) : nil
                groups.append(Group(logsource: rule.logsource, windows: windows, rules: [rule]))
                for channel in windows?.channels ?? [] {
                    byChannel[EventText(channel).folded, default: []].append(groups.count - 1)
                }
                if windows?.channels.isEmpty == true { onEveryChannel.append(groups.count - 1) }
            }
        }
    }

    /// Log sources of Windows rules that no channel and event id is known for: they speak only for records whose
    /// sender names the log source.
    package var unmapped: [Logsource] {
        groups.filter { $0.logsource.product == "windows" && $0.windows == nil }.map(\.logsource)
    }

    /// The rules that hold for a record, in the order in which they were given within each log source.
    /// - Parameter extracted: fields that a source read out of a text (`DetectionEvent`).
    package func matches(
        _ record: JSONValue, logsource: Logsource, extracted: [String: String] = [:]
    ) -> [RuleMatch] {
        evaluate(DetectionEvent(record, logsource: logsource, extracted: extracted))
    }

    /// The rules that hold for an event.
    package func evaluate(_ event: DetectionEvent) -> [RuleMatch] {
        var matches: [RuleMatch] = []
        for group in groupsConcerned(by: event) {
            for rule in groups[group].rules where rule.detection.test.holds(event) { matches.append(RuleMatch(rule)) }
        }
        return matches
    }

    /// A log source counts that is what the sender named; of Windows events the channel and the event id tell it.
    private func groupsConcerned(by event: DetectionEvent) -> [Int] {
        guard event.logsource.product == "windows", let channels = event.fields["Channel"]?.texts else {
            return groups.indices.filter { groups[$0].logsource.covers(event.logsource) }
        }
        let routed = onEveryChannel + channels.flatMap { byChannel[$0.folded] ?? [] }
        let named = groups.indices.filter {
            groups[$0].windows == nil && groups[$0].logsource.covers(event.logsource)
        }
        return (routed.filter { groups[$0].windows?.holds(eventIDOf: event) == true } + named).sorted()
    }
}

extension RuleMatch {
    init(_ rule: SigmaRule) {
        self.init(
            ruleID: rule.id, name: rule.name, title: rule.title, level: rule.level, tags: rule.tags,
            author: rule.author, docket: rule.docket)
    }
}
