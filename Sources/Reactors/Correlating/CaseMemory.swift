import Cases
import Events
import JSON

import struct Foundation.UUID

/// The tenant's log, folded into open cases: what `AlertCorrelator` remembers.
///
/// What the correlator decides itself it notes at once; the events that say so come by later and change nothing then.
/// After a restart they are all there is, and some lie beyond the position at which work goes on: those are noted
/// beforehand (`foresee`), so that whoever begins again decides as if nothing had happened.
struct CaseMemory: Sendable {
    private(set) var cases: OpenCases
    /// Decisions that cannot be noted yet, in their order, because an alert has not come by: that of the alert which was
    /// being worked on when work stopped, and what it took along.
    private var foreseen: [Event] = []

    init(_ rules: Policy.Correlation) { cases = OpenCases(rules) }

    mutating func note(_ event: Event) throws {
        switch event.kind {
        case .alertNormalized:
            guard let alert = try NormalizedAlert.read(event) else { return }
            cases.note(alert, arrivedAt: event.recordedAt)
            settleForeseen()
        case .caseOpened, .caseAlertLinked, .alertEnriched:
            if let alert = Self.id("alert_id", event) { settle(alert, event) }
        case .caseAlertUnlinked:
            if let id = event.caseID, let alert = Self.id("alert_id", event) { cases.unlinked(alert, from: id) }
        case .caseMerged:
            if let id = event.caseID, let into = Self.id("into", event) { cases.merged(id, into: into) }
        case .caseSplit:
            if let id = event.caseID, let new = Self.id("new_case_id", event) {
                cases.split(id, Self.ids("alert_ids", event), to: new)
            }
        case .caseClosed: if let id = event.caseID { cases.closed(id, byItself: !event.actor.isHuman) }
        case .caseReopened: if let id = event.caseID { cases.reopened(id) }
        default: break
        }
    }

    /// A decision from beyond the position at which work goes on.
    mutating func foresee(_ event: Event) {
        foreseen.append(event)
        settleForeseen()
    }

    /// An alert can join a case only when the one that opened it is there.
    private mutating func settleForeseen() {
        guard !foreseen.isEmpty else { return }
        var waiting: [Event] = []
        var unopened: Set<UUID> = []
        for event in foreseen {
            guard let alert = Self.id("alert_id", event) else { continue }
            if cases.alerts[alert] != nil, event.caseID.map({ !unopened.contains($0) }) ?? true {
                settle(alert, event)
            } else {
                waiting.append(event)
                if event.kind == .caseOpened, let id = event.caseID { unopened.insert(id) }
            }
        }
        foreseen = waiting
    }

    private mutating func settle(_ alert: UUID, _ event: Event) {
        switch event.kind {
        case .caseOpened: if let id = event.caseID { open(id, by: alert) }
        case .caseAlertLinked: if let id = event.caseID { link(alert, to: id) }
        default: if event.data["disposition"] == "tagged" { leave(alert) }
        }
    }

    mutating func open(_ id: UUID, by alert: UUID) {
        cases.opened(id, by: alert)
        link(alert, to: id)
    }

    mutating func link(_ alert: UUID, to id: UUID) {
        cases.link(alert, to: id)
        cases.decided(alert)
    }

    /// It stays without a case.
    mutating func leave(_ alert: UUID) { cases.decided(alert) }

    /// Somebody closed it, and the event has not come by yet.
    mutating func found(closed id: UUID) { cases.closed(id) }

    /// A case that was forgotten and matters again.
    mutating func revive(_ id: UUID, with alerts: [(alert: NormalizedAlert, arrivedAt: Instant)]) {
        for (alert, arrivedAt) in alerts where cases.alerts[alert.alertID] == nil {
            cases.note(alert, arrivedAt: arrivedAt)
        }
        for (alert, _) in alerts {
            cases.opened(id, by: alert.alertID)
            cases.link(alert.alertID, to: id)
        }
    }

    static func id(_ name: String, _ event: Event) -> UUID? {
        event.data[name]?.stringValue.flatMap(UUID.init(uuidString:))
    }

    static func ids(_ name: String, _ event: Event) -> [UUID] {
        (event.data[name]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(UUID.init(uuidString:)) }
    }
}
