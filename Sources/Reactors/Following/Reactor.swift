package import Cases
package import Events

package import struct Foundation.UUID

/// A stage: reacts to one tenant's events by appending others.
///
/// It folds what it needs from the log itself. `react` may be called again for an event whose reaction is already in
/// the log, after a crash for example; ids derived from the event (`Cause`) make that harmless.
package protocol Reactor: Sendable {
    /// Stable for ever: part of the ids that it derives, and the key of its checkpoint.
    static var name: String { get }
    /// What it reacts to.
    static var interests: Set<EventType> { get }
    /// What it must have seen from the tenant's first event on; empty when it keeps nothing in memory.
    static var memory: Set<EventType> { get }
    /// Whether events of different cases may be handled at the same time.
    static var isConcurrent: Bool { get }
    /// Whether it reacts to time as well (`tick`).
    static var isTimed: Bool { get }

    /// Where its memory begins when it takes up work at a position: the tenant's first event unless it needs less.
    func memoryStart(before position: Int64) async throws -> Int64
    /// Drops its memory: an erasure took out of the log what may be in it. It is remembered anew afterwards.
    func forget() async
    /// Everything before the position is remembered; what comes now is reacted to. Its own reactions to earlier events may
    /// lie beyond it.
    func takeUp(at position: Int64) async throws
    /// One of the tenant's earlier events, before the checkpoint: to be remembered, not reacted to.
    func remember(_ event: Event) async throws
    func react(to event: Event) async throws
    /// Time has passed, and it has reacted to everything before `position`. Called every ten seconds or so while it rests,
    /// by the process that has its lease. When it fails, the reactor begins again from its checkpoint.
    func tick(at now: Instant, position: Int64) async throws
}

extension Reactor {
    package static var memory: Set<EventType> { [] }
    package static var isConcurrent: Bool { false }
    package static var isTimed: Bool { false }
    package func memoryStart(before position: Int64) async throws -> Int64 { 0 }
    package func forget() async {}
    package func takeUp(at position: Int64) async throws {}
    package func remember(_ event: Event) async throws {}
    package func tick(at now: Instant, position: Int64) async throws {}
}

/// What every stage works with.
package struct Workbench: Sendable {
    package var tenant: UUID
    package var cases: CaseStore
    package var alerts: AlertStore
    package var registries: RegistryStore
    package var clock: @Sendable () -> Instant

    package init(
        tenant: UUID, cases: CaseStore, alerts: AlertStore, registries: RegistryStore,
        clock: @escaping @Sendable () -> Instant
    ) {
        self.tenant = tenant
        self.cases = cases
        self.alerts = alerts
        self.registries = registries
        self.clock = clock
    }

    package func registry() async throws -> Registry { try await registries.registry(of: tenant) }

    /// Decides on the case that an event is about. An event without a case is no business of a case's reactor.
    package func update(
        for event: Event, as reactor: String, actor: Actor? = nil, salt: String = "",
        _ decide: (CaseRecord) async throws -> [Decision]
    ) async throws {
        guard let caseID = event.caseID else { return }
        let cause = Cause(reactor: reactor, actor: actor, reactingTo: event, at: clock())
        _ = try await cases.update(caseID, tenant: tenant, cause: cause, salt: salt, decide)
    }
}
