package import Cases
package import Events

package import struct Foundation.UUID

/// What a reaction came to.
package enum Reaction: Sendable, Hashable {
    /// There is nothing more to do about the event.
    case done
    /// Nothing can be done now: react to the event again at this time, or soon after. The time is kept in the database, so
    /// it survives the process, and until then nothing waits for it: the reactor goes on with other events, those of the
    /// same case included.
    case again(at: Instant)
}

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
    /// Whether a stream whose event it cannot take may wait while the others go on. False for a reactor that must see the
    /// events of all streams in their order: it stops in front of such an event.
    static var isolatesStreams: Bool { get }

    /// Where its memory begins when it takes up work at a position: the tenant's first event unless it needs less.
    func memoryStart(before position: Int64) async throws -> Int64
    /// Drops its memory: an erasure took out of the log what may be in it. It is remembered anew afterwards.
    func forget() async
    /// Everything before the position is remembered; what comes now is reacted to. Its own reactions to earlier events may
    /// lie beyond it.
    func takeUp(at position: Int64) async throws
    /// One of the tenant's earlier events, before the checkpoint: to be remembered, not reacted to.
    func remember(_ event: Event) async throws
    /// An error is tried again, with growing pauses: at once and for ever when it says that the log cannot be reached, else
    /// behind a mark that sets the rest of its stream aside.
    func react(to event: Event) async throws -> Reaction
    /// Time has passed, and it has reacted to everything before `position`. Called when it comes to rest after events, and
    /// then at the times that it asks for, by the process that leads it. When it fails, the reactor begins again from its
    /// checkpoint.
    ///
    /// - Returns: when it wants to be told the time again; `nil` when nothing can happen before the next event.
    func tick(at now: Instant, position: Int64) async throws -> Instant?
}

extension Reactor {
    package static var memory: Set<EventType> { [] }
    package static var isConcurrent: Bool { false }
    package static var isTimed: Bool { false }
    package static var isolatesStreams: Bool { true }
    package func memoryStart(before position: Int64) async throws -> Int64 { 0 }
    package func forget() async {}
    package func takeUp(at position: Int64) async throws {}
    package func remember(_ event: Event) async throws {}
    package func tick(at now: Instant, position: Int64) async throws -> Instant? { nil }
    var name: String { Self.name }
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
