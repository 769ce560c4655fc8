package import Cases
import EventLog
package import Events
import JSON
import Synchronization

import struct Foundation.UUID

/// Decides what a normalized alert becomes: the first of a case, part of an open one, or a tagged alert that waits.
///
/// What it knows of open cases it folds from the log itself. What it decides depends on the order of the log and on nothing
/// else, so that alerts which come one by one, all at once, or with a crash in between end in the same cases.
package final class AlertCorrelator: Reactor {
    package static let name = "correlate"
    package static let interests: Set<EventType> = [
        .alertNormalized, .caseOpened, .caseAlertLinked, .caseAlertUnlinked, .caseClosed, .caseReopened, .caseMerged,
        .caseSplit,
    ]
    /// What it did itself, it knows; after a start it learns it from its own events.
    package static var memory: Set<EventType> { interests.union([.alertEnriched]) }

    let bench: Workbench
    private let state = Mutex<CaseMemory?>(nil)
    /// Cases of alerts that were forgotten and came again, so that a stream of many forms is searched once.
    private let homes = Mutex<[UUID: UUID]>([:])
    private static let homesMaximum = 10_000

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func forget() async {
        state.withLock { $0 = nil }
        homes.withLock { $0 = [:] }
    }

    /// Whatever is older than a case may become has no say any more.
    package func memoryStart(before position: Int64) async throws -> Int64 {
        let rules = try await bench.registry().policy.correlation
        state.withLock { $0 = CaseMemory(rules) }
        let log = bench.cases.log
        guard position > 0, let last = try await log.feed(tenant: bench.tenant, from: position - 1, limit: 1).first
        else { return position }
        return try await log.position(
            recordedSince: last.recordedAt.adding(milliseconds: -(rules.maxAgeMs + rules.reachMs)),
            tenant: bench.tenant)
    }

    package func remember(_ event: Event) async throws {
        try await prepare()
        try await note(event)
    }

    /// Its own decisions may lie beyond the position: they were made before the last process ended.
    package func takeUp(at position: Int64) async throws {
        try await prepare()
        let own: [EventType] = [.caseOpened, .caseAlertLinked, .alertEnriched]
        var next = position
        while true {
            let page = try await bench.cases.log.page(
                tenant: bench.tenant, from: next, limit: 500, types: own.map(\.rawValue))
            for event in page.events where event.actor.subject == "docket.\(Self.name)" {
                state.withLock { $0?.foresee(event) }
            }
            guard page.next > next else { return }
            next = page.next
        }
    }

    package func react(to event: Event) async throws -> Reaction {
        let registry = try await bench.registries.registry(of: bench.tenant, covering: event.position)
        let rules = registry.policy.correlation
        if state.withLock({ $0?.cases.rules }) != rules { try await recall(before: event.position) }
        try await note(event)
        switch event.kind {
        case .caseMerged: try await takeOver(event)
        case .caseSplit: try await openSplit(event)
        case .alertNormalized:
            guard let alert = try NormalizedAlert.read(event) else { return .done }
            if let home = try await home(of: alert, event) {
                // The same alert with other bytes stays where it is; what it names now may bring others along.
                try await gather(around: [alert.alertID], in: home, cause: event)
            } else {
                try await place(alert, cause: event)
            }
        default: break
        }
        return .done
    }

    /// The case that an alert belongs to already, in memory or, for one that comes again after it was forgotten, by the
    /// event that one of its earlier forms led to.
    private func home(of alert: NormalizedAlert, _ event: Event) async throws -> UUID? {
        if let known = memory({ $0.cases.caseID(ofAlert: alert.alertID) }) { return known }
        guard event.version > 2 else { return nil }
        if let known = homes.withLock({ $0[alert.alertID] }) { return known }
        let log = bench.cases.log
        for try await page in log.stream(event.streamID, tenant: bench.tenant, upTo: event.position - 1) {
            let led = page.filter { $0.kind == .alertNormalized }
                .map { UUID.v5(namespace: $0.eventID, name: "\(Self.name)//0") }
            let found = try await log.events(led, tenant: bench.tenant)
            guard let caseID = led.lazy.compactMap({ found[$0]?.caseID }).first else { continue }
            homes.withLock { homes in
                if homes.count >= Self.homesMaximum { homes.removeAll(keepingCapacity: true) }
                homes[alert.alertID] = caseID
            }
            return caseID
        }
        return nil
    }

    /// The policy is another one: what is remembered is folded again under it.
    private func recall(before position: Int64) async throws {
        var next = try await memoryStart(before: position)
        while next < position {
            let page = try await bench.cases.log.page(
                tenant: bench.tenant, from: next, limit: 500, types: Self.memory.map(\.rawValue))
            for event in page.events where event.position < position { try await note(event) }
            guard page.next > next else { break }
            next = page.next
        }
        try await takeUp(at: position)
    }

    private func prepare() async throws {
        guard state.withLock({ $0 == nil }) else { return }
        let rules = try await bench.registry().policy.correlation
        state.withLock { $0 = $0 ?? CaseMemory(rules) }
    }

    private func note(_ event: Event) async throws {
        if event.kind == .caseMerged, let target = CaseMemory.id("into", event) { try await revive(target) }
        if [.caseMerged, .caseSplit, .caseAlertUnlinked].contains(event.kind) { homes.withLock { $0 = [:] } }
        try state.withLock { try $0?.note(event) }
    }

    /// A case that was forgotten is read again when another one is merged into it: it goes on with that one's alerts.
    private func revive(_ id: UUID) async throws {
        guard memory({ $0.cases.cases[id] }) == nil, let record = try await bench.cases.load(id, tenant: bench.tenant),
            !record.state.isClosed
        else { return }
        let log = bench.cases.log
        let types = [EventType.alertNormalized.rawValue]
        var alerts: [(alert: NormalizedAlert, arrivedAt: Instant)] = []
        for ids in AlertStore.parts(of: record.alerts.map(\.alertID)) {
            let first = try await log.earliest(of: types, streams: ids, tenant: bench.tenant)
            let last = try await log.latest(of: types, streams: ids, tenant: bench.tenant)
            for id in ids {
                guard let arrival = first[id], let alert = try last[id].flatMap(NormalizedAlert.read) else { continue }
                alerts.append((alert, arrival.recordedAt))
            }
        }
        state.withLock { $0?.revive(id, with: alerts) }
    }

    /// What it remembers; it has been prepared by then.
    @discardableResult
    func memory<Value: Sendable>(_ body: (inout CaseMemory) -> Value?) -> Value? {
        state.withLock { memory in
            guard var current = memory.take() else { return nil }
            defer { memory = current }
            return body(&current)
        }
    }
}

extension Optional {
    /// Takes the value out, so that it is changed in place and not copied.
    fileprivate mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
