import Events

/// Carries out what a run machine directs: the only code that moves connectors.
///
/// Every event is recorded, durably, before the next directive is asked for; whatever `record` throws ends the drive,
/// and a new machine made from the log goes on where it is safe to.
package struct RunDriver: Sendable {
    package var connectors: [String: any Connector]
    /// Appends the machine's event to the log.
    package var record: @Sendable (RunEvent) async throws -> Void
    /// Events of this run that others appended since it was last asked: pause, resume, cancel, rollback, manual steps.
    package var external: @Sendable () async throws -> [RunEvent]
    /// Looked at immediately before each act that changes the world: a reason pauses the run (protected entity,
    /// maintenance window, stop switch).
    package var conflict: @Sendable (PlanStep) async throws -> String?
    package var sleep: @Sendable (_ milliseconds: Int64) async throws -> Void

    package init(
        connectors: [String: any Connector], record: @escaping @Sendable (RunEvent) async throws -> Void,
        external: @escaping @Sendable () async throws -> [RunEvent] = { [] },
        conflict: @escaping @Sendable (PlanStep) async throws -> String? = { _ in nil },
        sleep: @escaping @Sendable (_ milliseconds: Int64) async throws -> Void = {
            try await Task.sleep(for: .milliseconds($0))
        }
    ) {
        self.connectors = connectors
        self.record = record
        self.external = external
        self.conflict = conflict
        self.sleep = sleep
    }

    /// Drives until there is nothing more to do.
    /// - Returns: `wait` or `finished`.
    package func drive(_ machine: inout RunMachine) async throws -> RunDirective {
        while true {
            try Task.checkCancellation()
            for event in try await external() { machine.record(event) }
            let directive = machine.next()
            switch directive {
            case .wait, .finished: return directive
            case .record(let event): try await append(event, &machine)
            case .act(let step, _, _, _) where !step.actionClass.isSideEffectFree:
                if let reason = try await conflict(step) {
                    try await append(.paused(runID: machine.runID, reason: reason), &machine)
                } else {
                    machine.observe(directive, try await carryOut(directive))
                }
            default: machine.observe(directive, try await carryOut(directive))
            }
        }
    }

    private func append(_ event: RunEvent, _ machine: inout RunMachine) async throws {
        try await record(event)
        machine.record(event)
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
        _ step: PlanStep,
        _ question: (any Connector, TargetEntity) async throws(ConnectorError) -> RunObservation
    ) async -> RunObservation {
        guard let connector = connectors[step.connector] else {
            return .failed(ConnectorError(.forbidden, "there is no connector '\(step.connector)'"))
        }
        guard let target = step.targets.first else {
            return .failed(ConnectorError(.forbidden, "the step has no target"))
        }
        do {
            return try await question(connector, target)
        } catch {
            return .failed(error)
        }
    }
}
