package import Cases
import EventLog
package import Events
import JSON
import Synchronization

import struct Foundation.UUID

/// Decides what a normalized alert becomes: the first of a case, part of an open one, or a tagged alert that waits.
///
/// What it knows of open cases it folds from the log itself; after a restart it reads the tenant's past once.
package final class AlertCorrelator: Reactor {
    package static let name = "correlate"
    package static let interests: Set<EventType> = [
        .alertNormalized, .caseOpened, .caseAlertLinked, .caseClosed, .caseReopened, .caseMerged, .caseSplit,
    ]
    package static var memory: Set<EventType> { interests }

    private let bench: Workbench
    private let state = Mutex(State())

    private struct State {
        var cases = OpenCases()
        /// Alerts of the last days, as far as matching needs them: a case names them by id.
        var alerts: [UUID: NormalizedAlert] = [:]
        private var untilNextSweep = 1_000

        /// Every thousand alerts, what is older than any case may become is forgotten.
        mutating func forget(at now: Instant, policy: Policy) {
            untilNextSweep -= 1
            guard untilNextSweep <= 0 else { return }
            untilNextSweep = 1_000
            let oldest = now.adding(milliseconds: -(policy.correlation.maxAgeMs + policy.correlation.windowMs))
            alerts = alerts.filter { $0.value.occurredAt >= oldest }
            cases.forgetCases(before: oldest)
            cases.forgetLoose(before: oldest)
        }
    }

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func forget() async { state.withLock { $0 = State() } }

    package func remember(_ event: Event) async throws {
        let policy = try await bench.registry().policy
        try note(event, policy: policy)
    }

    package func react(to event: Event) async throws {
        let policy = try await bench.registry().policy
        try note(event, policy: policy)
        if event.kind == .caseMerged { return try await takeOver(event) }
        if event.kind == .caseSplit { return try await openSplit(event) }
        guard event.kind == .alertNormalized, let alert = try NormalizedAlert.read(event) else { return }
        // The same alert with other bytes stays where it is.
        guard state.withLock({ $0.cases.caseID(ofAlert: alert.alertID) }) == nil else { return }
        if let match = state.withLock({ $0.cases.match(alert, policy: policy) }) {
            try await join(match, alert: alert, cause: event, policy: policy)
        } else if alert.isCorrelation || alert.severity.rank >= policy.correlation.minimumSeverity.rank {
            try await open(alert, cause: event, policy: policy)
        } else {
            try await tag(alert, cause: event, policy: policy)
        }
    }

    private func note(_ event: Event, policy: Policy) throws {
        try state.withLock { state in
            switch event.kind {
            case .alertNormalized:
                guard let alert = try NormalizedAlert.read(event) else { return }
                state.alerts[alert.alertID] = Self.slim(alert)
                state.forget(at: alert.occurredAt, policy: policy)
                if state.cases.caseID(ofAlert: alert.alertID) == nil { state.cases.noteLoose(alert, policy: policy) }
            case .caseOpened, .caseAlertLinked:
                guard let caseID = event.caseID,
                    let alertID = event.data["alert_id"]?.stringValue.flatMap(UUID.init(uuidString:)),
                    let alert = state.alerts[alertID]
                else { return }
                state.cases.opened(caseID, by: alert, at: event.recordedAt, policy: policy)
                state.cases.linkedAlert(alert, to: caseID, policy: policy)
            case .caseMerged:
                if let id = event.caseID, let into = event.data["into"]?.stringValue.flatMap(UUID.init(uuidString:)) {
                    state.cases.merged(id, into: into)
                }
            case .caseClosed:
                if let id = event.caseID { state.cases.closed(id, byItself: !event.actor.isHuman) }
            case .caseReopened: if let id = event.caseID { state.cases.reopened(id) }
            default: break
            }
        }
    }

    private func join(
        _ match: OpenCases.Match, alert: NormalizedAlert, cause event: Event, policy: Policy
    ) async throws {
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        _ = try await bench.cases.update(match.caseID, tenant: bench.tenant, cause: cause, salt: "reopen") { record in
            record.reopenedByAlert()
        }
        let written = try await bench.cases.update(match.caseID, tenant: bench.tenant, cause: cause) { record in
            record.state.isClosed ? [] : record.link(alert, overlapScore: match.score, shared: match.shared)
        }
        if written.record.state.isClosed, written.position == nil {
            // It was closed while we looked: the alert is a case of its own.
            state.withLock { $0.cases.closed(match.caseID) }
            return try await open(alert, cause: event, policy: policy)
        }
        state.withLock { $0.cases.linkedAlert(alert, to: match.caseID, policy: policy) }
    }

    private func open(_ alert: NormalizedAlert, cause event: Event, policy: Policy) async throws {
        let caseID = UUID.v5(namespace: event.eventID, name: "case")
        let now = bench.clock()
        let cause = Cause(reactor: Self.name, reactingTo: event, at: now)
        try await bench.cases.open(
            caseID, tenant: bench.tenant,
            decisions: [CaseRecord.open(alert, ingestedAt: event.recordedAt)], cause: cause)
        let companions = state.withLock { state in
            let companions = state.cases.looseAlerts(near: alert, policy: policy)
            state.cases.opened(caseID, by: alert, at: now, policy: policy)
            state.cases.forgetLoose(before: alert.occurredAt.adding(milliseconds: -2 * policy.correlation.windowMs))
            return companions
        }
        let found = try await bench.alerts.load(companions.map(\.id), tenant: bench.tenant)
        for companion in companions {
            guard let earlier = found[companion.id]?.alert else { continue }
            _ = try await bench.cases.update(
                caseID, tenant: bench.tenant, cause: cause, salt: companion.id.lowercased
            ) { $0.link(earlier, overlapScore: companion.score, shared: companion.shared) }
            state.withLock { $0.cases.linkedAlert(earlier, to: caseID, policy: policy) }
        }
    }

    /// A case was merged into another: its alerts join that one.
    private func takeOver(_ event: Event) async throws {
        guard let into = event.data["into"]?.stringValue.flatMap(UUID.init(uuidString:)) else { return }
        let ids = (event.data["alert_ids"]?.arrayValue ?? []).compactMap {
            $0.stringValue.flatMap(UUID.init(uuidString:))
        }
        let found = try await bench.alerts.load(ids, tenant: bench.tenant)
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        for id in ids {
            guard let alert = found[id]?.alert else { continue }
            _ = try await bench.cases.update(into, tenant: bench.tenant, cause: cause, salt: id.lowercased) {
                $0.state.isClosed ? [] : $0.link(alert, overlapScore: 1, shared: [])
            }
        }
    }

    /// Some of a case's alerts become a case of their own. Whoever asked for it opens that case at once; this makes sure
    /// that it is opened.
    private func openSplit(_ event: Event) async throws {
        guard let source = event.caseID,
            let newID = event.data["new_case_id"]?.stringValue.flatMap(UUID.init(uuidString:)),
            let record = try await bench.cases.load(source, tenant: bench.tenant)
        else { return }
        let ids = (event.data["alert_ids"]?.arrayValue ?? []).compactMap {
            $0.stringValue.flatMap(UUID.init(uuidString:))
        }
        let found = try await bench.alerts.load(ids, tenant: bench.tenant)
        let alerts = ids.compactMap { found[$0]?.alert }
        guard let first = alerts.first else { return }
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        try await bench.cases.open(
            newID, tenant: bench.tenant,
            decisions: [
                CaseRecord.open(
                    first, ingestedAt: event.recordedAt, tier: record.tier, queue: record.queue, splitFrom: source)
            ], cause: cause)
        for alert in alerts.dropFirst() {
            _ = try await bench.cases.update(newID, tenant: bench.tenant, cause: cause, salt: alert.alertID.lowercased)
            {
                $0.link(alert, overlapScore: 1, shared: [])
            }
        }
    }

    /// What matching needs of an alert, without its texts and raw content.
    private static func slim(_ alert: NormalizedAlert) -> NormalizedAlert {
        var alert = alert
        alert.ocsf = .null
        alert.unmapped = .null
        alert.evidence = []
        alert.description = nil
        return alert
    }

    private func tag(_ alert: NormalizedAlert, cause event: Event, policy: Policy) async throws {
        let decision = Decision(
            AlertDisposition(
                alertID: alert.alertID, disposition: .tagged,
                reason: "severity \(alert.severity.rawValue) is below \(policy.correlation.minimumSeverity.rawValue)"))
        _ = try await bench.cases.log.append(
            .init(
                tenant: bench.tenant, streamKind: StreamKind.alert.rawValue, streamID: alert.alertID, caseID: nil,
                expected: .any,
                events: Cause(reactor: Self.name, reactingTo: event, at: bench.clock()).events(for: [decision]),
                evidence: []))
    }
}
