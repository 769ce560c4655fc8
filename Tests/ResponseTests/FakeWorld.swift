import Events
import Foundation
import JSON
import Response
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

    func capture(_ target: TargetEntity) async throws(ConnectorError) -> JSONValue {
        state.withLock { $0.log.append("get \(target.value)") }
        if try suffer("get") == .lostAfter { throw ConnectorError(.timedOut, "lost after") }
        guard let object = objects[target.value] else { throw ConnectorError(.refused, "not found", remoteCode: "404") }
        return object
    }

    func act(
        _ operation: String, on target: TargetEntity, parameters: JSONValue, idempotencyKey: UUID, timeoutMs: Int64
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

/// The log of one run, and a crash when wanted.
final class RunLog: Sendable {
    struct Crash: Error {}

    private let events = Mutex<[RunEvent]>([])
    private let crashes: @Sendable (RunEvent) -> (before: Bool, after: Bool)

    init(
        _ events: [RunEvent],
        crashes: @escaping @Sendable (RunEvent) -> (before: Bool, after: Bool) = { _ in (false, false) }
    ) {
        self.events.withLock { $0 = events }
        self.crashes = crashes
    }

    var all: [RunEvent] { events.withLock { $0 } }
    var types: [String] { all.map(\.type) }

    func append(_ event: RunEvent) throws {
        let crash = crashes(event)
        if crash.before { throw Crash() }
        events.withLock { $0.append(event) }
        if crash.after { throw Crash() }
    }

    func driver(
        _ connector: any Connector, conflict: @escaping @Sendable (PlanStep) async throws -> String? = { _ in nil }
    ) -> RunDriver {
        RunDriver(
            connectors: ["lab": connector], record: { try self.append($0) }, conflict: conflict, sleep: { _ in })
    }

    /// A new machine from the log, driven until it waits or is finished.
    func drive(
        _ plan: Plan, _ connector: any Connector,
        conflict: @escaping @Sendable (PlanStep) async throws -> String? = { _ in nil }
    ) async throws -> RunDirective {
        var machine = RunMachine(plan: plan, runID: .testRun, history: all)
        return try await driver(connector, conflict: conflict).drive(&machine)
    }

    func state() -> RunState { RunState(folding: all) }
}

extension RunEvent {
    static func start(_ plan: Plan, mode: RunMode = .live) -> RunEvent {
        .started(runID: .testRun, planDigest: plan.digest, mode: mode, trigger: "approved")
    }

    static func undo(_ steps: [String] = []) -> RunEvent {
        .rollbackRequested(
            runID: .testRun, stepIDs: steps, reason: "not wanted after all", reasonCode: "analyst_override")
    }
}
