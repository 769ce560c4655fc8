package import Events
package import Runs

package import struct Foundation.UUID

/// Carries out what a run machine directs: the only code that moves connectors.
///
/// The machine sees nothing but the log: each event is recorded durably, and read back, before the next directive is
/// asked for. Whatever `record` or `news` throws ends the drive, and a new machine goes on where it is safe to.
package struct RunDriver: Sendable {
    /// Makes a connector by its name in the plan, when a step needs it.
    package var connector: @Sendable (_ name: String) async throws(ConnectorError) -> any Connector
    /// Appends the machine's event to the log, unless somebody said something about the run that the machine has not
    /// seen: then nothing is written.
    /// - Returns: the id of the event that this call wrote.
    package var record: @Sendable (RunEvent, Run) async throws -> UUID?
    /// The run's events since it was last asked, in the order of the log: those recorded here and those of others.
    package var news: @Sendable () async throws -> [Event]
    /// Looked at immediately before each act that changes the world: a reason pauses the run (protected entity,
    /// maintenance window, stop switch).
    package var conflict: @Sendable (Plan.Step) async throws -> String?
    package var clock: @Sendable () -> Instant
    package var sleep: @Sendable (_ milliseconds: Int64) async throws -> Void

    package init(
        connector: @escaping @Sendable (_ name: String) async throws(ConnectorError) -> any Connector,
        record: @escaping @Sendable (RunEvent, Run) async throws -> UUID?,
        news: @escaping @Sendable () async throws -> [Event],
        conflict: @escaping @Sendable (Plan.Step) async throws -> String? = { _ in nil },
        clock: @escaping @Sendable () -> Instant,
        sleep: @escaping @Sendable (_ milliseconds: Int64) async throws -> Void = {
            try await Task.sleep(for: .milliseconds($0))
        }
    ) {
        self.connector = connector
        self.record = record
        self.news = news
        self.conflict = conflict
        self.clock = clock
        self.sleep = sleep
    }

    /// Drives until there is nothing more to do.
    /// - Returns: `wait` or `finished`.
    package func drive(_ machine: inout RunMachine) async throws -> RunDirective {
        var own: UUID?
        while true {
            try Task.checkCancellation()
            for event in try await news() { try machine.take(event, isOwn: event.eventID == own) }
            let directive = machine.next(at: clock())
            switch directive {
            case .wait, .finished: return directive
            case .record(let event): own = try await record(event, machine.run)
            case .act(let step, _, _, _) where !step.actionClass.isSideEffectFree:
                if let reason = try await conflict(step) {
                    machine.pause(reason: reason)
                } else {
                    machine.observe(directive, try await carryOut(directive), at: clock())
                }
            default: machine.observe(directive, try await carryOut(directive), at: clock())
            }
        }
    }

    private func carryOut(_ directive: RunDirective) async throws -> RunObservation {
        switch directive {
        case .capture(let step, let delay), .verify(let step, let delay), .checkDrift(let step, let delay),
            .confirmRestored(let step, let delay):
            try await pause(delay)
            return await ask(step) { connector, target throws(ConnectorError) in
                .state(try await connector.capture(target))
            }
        case .act(let step, let key, let parameters, let delay):
            try await pause(delay)
            return await ask(step) { connector, target throws(ConnectorError) in
                .acted(
                    try await connector.act(
                        step.operation, on: target, parameters: parameters, idempotencyKey: key,
                        timeoutMs: step.timeoutMs))
            }
        case .rollback(let step, let key, let operation, let parameters, let maxMs):
            return await ask(step) { connector, target throws(ConnectorError) in
                .acted(
                    try await connector.act(
                        operation, on: target, parameters: parameters, idempotencyKey: key, timeoutMs: maxMs))
            }
        case .probe(let step, let key, _, let delay):
            try await pause(delay)
            return await ask(step) { connector, _ throws(ConnectorError) in .probed(try await connector.probe(key)) }
        case .record, .wait, .finished:
            preconditionFailure("these are not carried out by a connector")
        }
    }

    private func pause(_ milliseconds: Int64) async throws {
        if milliseconds > 0 { try await sleep(milliseconds) }
    }

    private func ask(
        _ step: Plan.Step, _ question: (any Connector, Entity) async throws(ConnectorError) -> RunObservation
    ) async -> RunObservation {
        do throws(ConnectorError) {
            guard let target = step.targets.first else { throw ConnectorError(.forbidden, "the step has no target") }
            return try await question(try await connector(step.connector), target)
        } catch {
            return .failed(error)
        }
    }
}
