import Cases
package import EventLog
import Events
package import Foundation
import JSON

/// What a day came to, read back from the log alone.
package struct DayOutcome: Sendable {
    /// How intake answered: `created`, `duplicate`, `updated`, `dead_lettered`.
    package var intake: [String: Int]
    package private(set) var events: Int64 = 0
    package private(set) var alertsRecorded = 0
    /// Alerts of each case.
    package private(set) var sizes: [Int] = []
    /// Cases that go on from one which was full or too old.
    package private(set) var continuations = 0
    /// By what brought them there.
    package private(set) var joined: [String: Int] = [:]
    package private(set) var fittingOthers = 0
    /// Alerts without a case.
    package private(set) var tagged = 0
    /// Alerts that are in more than one case, or in the same one twice; alerts of which nothing was decided.
    package private(set) var doubled = 0
    package private(set) var undecided = 0
    package private(set) var agreement = Agreement([])
    package private(set) var agreementByKind: [SOCDay.Kind: Agreement] = [:]

    init(_ day: SOCDay, log: EventLog, tenant: UUID, intake: [String: Int]) async throws {
        self.intake = intake
        var references: [UUID: String] = [:]
        var cases: [UUID: [UUID]] = [:]
        var caseOf: [UUID: UUID] = [:]
        var taggedOnce: Set<UUID> = []
        let types: [EventType] = [.alertIngested, .alertEnriched, .caseOpened, .caseAlertLinked]
        var next: Int64 = 0
        while true {
            let page = try await log.page(tenant: tenant, from: next, limit: 500, types: types.map(\.rawValue))
            for event in page.events {
                guard let alert = event.data["alert_id"]?.stringValue.flatMap(UUID.init(uuidString:)) else { continue }
                switch event.kind {
                case .alertIngested: references[alert] = event.data["source_ref"]?.stringValue
                case .alertEnriched: taggedOnce.insert(alert)
                default:
                    guard let id = event.caseID else { continue }
                    if caseOf[alert] != nil { doubled += 1 }
                    caseOf[alert] = id
                    cases[id, default: []].append(alert)
                    if event.kind == .caseAlertLinked {
                        joined[event.data["joined_by"]?.stringValue ?? "?", default: 0] += 1
                        if event.data["also_fits"]?.arrayValue?.isEmpty == false { fittingOthers += 1 }
                    } else if event.data["continues"]?.isNull == false {
                        continuations += 1
                    }
                }
            }
            guard page.next > next else { break }
            next = page.next
        }
        events = try await log.head(tenant: tenant)
        alertsRecorded = references.count
        sizes = cases.values.map(\.count).sorted()
        tagged = references.keys.count { caseOf[$0] == nil && taggedOnce.contains($0) }
        undecided = references.keys.count { caseOf[$0] == nil && !taggedOnce.contains($0) }
        measure(day, references, caseOf)
    }

    /// An alert without a case is a group of its own.
    private mutating func measure(_ day: SOCDay, _ references: [UUID: String], _ caseOf: [UUID: UUID]) {
        let alerts = Dictionary(uniqueKeysWithValues: day.alerts.map { ($0.reference, $0) })
        var numbers: [UUID: Int] = [:]
        func number(_ id: UUID) -> Int {
            let number = numbers[id] ?? numbers.count
            numbers[id] = number
            return number
        }
        var pairs: [(kind: SOCDay.Kind, group: Int, truth: Int)] = []
        for (id, reference) in references {
            guard let alert = alerts[reference] else { continue }
            pairs.append((alert.kind, number(caseOf[id] ?? id), alert.incident))
        }
        agreement = Agreement(pairs.map { ($0.group, $0.truth) })
        for kind in SOCDay.Kind.allCases {
            agreementByKind[kind] = Agreement(pairs.filter { $0.kind == kind }.map { ($0.group, $0.truth) })
        }
    }

    package var mean: Double { sizes.isEmpty ? 0 : Double(sizes.reduce(0, +)) / Double(sizes.count) }

    /// Nearest rank.
    package func size(percentile: Int) -> Int {
        guard !sizes.isEmpty else { return 0 }
        return sizes[max(0, (sizes.count * percentile + 99) / 100 - 1)]
    }
}
