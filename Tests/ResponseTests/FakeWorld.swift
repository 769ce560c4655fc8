import Events
import Foundation
import JSON
import Response
import Runs
import Synchronization

/// A connector to an imagined world: objects with a number, operations that change it, and trouble as told.
///
/// `act` honours idempotency keys the way a real system does: unless told otherwise, a second act under a key answers
/// the first answer. `sent` counts how often each key was *newly* applied, which must never pass one.
final class FakeWorld: Connector {
    struct State {
        var objects: [String: JSONValue] = [:]
        var applied: [UUID: ActOutcome] = [:]
        /// Acts that reached the world under each key, applied or not.
        var received: [UUID: Int] = [:]
        var applications: [UUID: Int] = [:]
        var log: [String] = []
        /// What operations give to later steps, where a test says so.
        var outputs: [String: JSONValue] = [:]
        /// Forgets that a key was used: a world without idempotency, where every blind repetition shows.
        var isForgetful = false
    }

    enum Trouble { case none, refuse, unreachable, lostBefore, lostAfter }

    let state: Mutex<State>
    private let trouble: @Sendable (_ what: String) -> Trouble

    init(
        _ objects: [String: JSONValue], forgetful: Bool = false,
        trouble: @escaping @Sendable (String) -> Trouble = { _ in .none }
    ) {
        var state = State()
        state.objects = objects
        state.isForgetful = forgetful
        self.state = Mutex(state)
        self.trouble = trouble
    }

    var objects: [String: JSONValue] { state.withLock { $0.objects } }
    var log: [String] { state.withLock { $0.log } }

    private func suffer(_ what: String) throws(ConnectorError) -> Trouble {
        let trouble = trouble(what)
        switch trouble {
        case .refuse: throw ConnectorError(.refused, "no", remoteCode: "409")
        case .unreachable: throw ConnectorError(.unreachable, "no way")
        case .lostBefore: throw ConnectorError(.timedOut, "lost before")
        case .none, .lostAfter: return trouble
        }
    }

    func capture(_ target: Entity) async throws(ConnectorError) -> JSONValue {
        state.withLock { $0.log.append("get \(target.value)") }
        if try suffer("get") == .lostAfter { throw ConnectorError(.timedOut, "lost after") }
        guard let object = objects[target.value] else { throw ConnectorError(.refused, "not found", remoteCode: "404") }
        return object
    }

    func act(
        _ operation: String, on target: Entity, parameters: JSONValue, idempotencyKey: UUID, timeoutMs: Int64
    ) async throws(ConnectorError) -> ActOutcome {
        state.withLock {
            $0.log.append("\(operation) \(target.value)")
            $0.received[idempotencyKey, default: 0] += 1
        }
        let trouble = try suffer(operation)
        let outcome = state.withLock { state in
            if !state.isForgetful, let outcome = state.applied[idempotencyKey] { return outcome }
            let before = state.objects[target.value] ?? .null
            var after = before
            switch operation {
            case "isolate": after["isolated"] = true
            case "release": after = parameters["state"] ?? .null
            default: after[operation] = .integer((after[operation]?.int64Value ?? 0) + 1)
            }
            state.objects[target.value] = after
            let outcome = ActOutcome(
                output: state.outputs[operation] ?? ["id": .string("made by \(operation)")], before: before,
                after: after)
            state.applied[idempotencyKey] = outcome
            state.applications[idempotencyKey, default: 0] += 1
            return outcome
        }
        if trouble == .lostAfter { throw ConnectorError(.timedOut, "lost after") }
        return outcome
    }

    func probe(_ idempotencyKey: UUID) async throws(ConnectorError) -> ProbeOutcome {
        state.withLock { $0.log.append("probe") }
        if try suffer("probe") == .lostAfter { throw ConnectorError(.timedOut, "lost after") }
        return state.withLock { $0.applied[idempotencyKey].map { .applied($0) } ?? .notApplied }
    }
}

/// The log of one run, a clock that only a test moves, and a crash when wanted.
final class RunLog: Sendable {
    struct Crash: Error {}

    private struct State {
        var events: [Event] = []
        var now = Instant(microseconds: 1_795_000_000_000_000)
    }

    private let state = Mutex(State())
    private let crashes: @Sendable (RunEvent) -> (before: Bool, after: Bool)

    init(
        _ events: [RunEvent],
        crashes: @escaping @Sendable (RunEvent) -> (before: Bool, after: Bool) = { _ in (false, false) }
    ) throws {
        self.crashes = crashes
        for event in events { try write(event) }
    }

    var events: [Event] { state.withLock { $0.events } }
    var all: [RunEvent] {
        get throws { try events.compactMap { try RunEvent(type: $0.type, data: $0.data) } }
    }
    var types: [String] { events.map(\.type) }
    var now: Instant { state.withLock { $0.now } }

    /// Lets time pass.
    func wait(_ milliseconds: Int64) { state.withLock { $0.now = $0.now.adding(milliseconds: milliseconds) } }

    /// An instant after which no request that was sent before is under way.
    func waitForLate(_ plan: Plan) { wait(RunLimits().lateMs + (plan.steps.map(\.timeoutMs).max() ?? 0)) }

    @discardableResult
    func append(_ event: RunEvent) throws -> UUID {
        let crash = crashes(event)
        if crash.before { throw Crash() }
        let id = try write(event)
        if crash.after { throw Crash() }
        return id
    }

    @discardableResult
    private func write(_ event: RunEvent) throws -> UUID {
        let data = try JSONValue.parse(event.data.canonicalBytes())
        return state.withLock { state in
            state.now = state.now.adding(milliseconds: 1)
            let number = Int64(state.events.count)
            let id = UUID.v5(namespace: .testRun, name: "event \(number)")
            state.events.append(
                Event(
                    position: number, eventID: id, type: event.type, streamKind: "case", streamID: .testCase,
                    version: number + 1, caseID: .testCase, recordedAt: state.now, occurredAt: state.now,
                    actor: Actor(kind: .person, subject: "test", lane: .analyst), correlationID: .testCase, data: data))
            return id
        }
    }

    func run() throws -> Run {
        let events = self.events
        guard let first = events.first, case .started(let started)? = try RunEvent(type: first.type, data: first.data)
        else { throw Crash() }
        var run = Run(started, first, caseID: .testCase)
        for event in events.dropFirst() { try run.apply(event) }
        return run
    }

    func driver(
        _ connector: any Connector, conflict: @escaping @Sendable (Plan.Step) async throws -> String? = { _ in nil }
    ) -> RunDriver {
        let seen = Mutex(events.count)
        return RunDriver(
            connector: { name throws(ConnectorError) in
                guard name == "lab" else { throw ConnectorError(.forbidden, "there is no connector '\(name)'") }
                return connector
            },
            record: { event, _ in try self.append(event) },
            news: {
                let events = self.events
                return seen.withLock { seen in
                    defer { seen = events.count }
                    return Array(events[seen...])
                }
            },
            conflict: conflict, clock: { self.now }, sleep: { self.wait($0) })
    }

    /// A new machine from the log, driven until it waits or is finished.
    func drive(
        _ connector: any Connector, conflict: @escaping @Sendable (Plan.Step) async throws -> String? = { _ in nil }
    ) async throws -> RunDirective {
        let driver = driver(connector, conflict: conflict)
        guard var machine = RunMachine(try run(), at: now) else { throw Crash() }
        return try await driver.drive(&machine)
    }
}

extension RunEvent {
    static func start(_ plan: Plan, mode: RunMode = .live) -> RunEvent {
        .started(
            RunStarted(
                runID: .testRun, approvalID: nil, planDigest: plan.digest, plan: plan, mode: mode, trigger: .approved))
    }

    static func undo(_ steps: [String] = []) -> RunEvent {
        .rollbackRequested(
            RollbackRequested(
                runID: .testRun, stepIDs: steps, reason: "not wanted after all", reasonCode: .analystOverride,
                onBehalfOf: nil))
    }

    static var cancel: RunEvent { .cancelled(RunControl(runID: .testRun, reason: "enough")) }
    static var resume: RunEvent { .resumed(RunControl(runID: .testRun, reason: "go on")) }
}

extension Event {
    var kind: RunEvent.Kind? { RunEvent.Kind(rawValue: type) }
    var stepID: String? { data["step_id"]?.stringValue }
}
