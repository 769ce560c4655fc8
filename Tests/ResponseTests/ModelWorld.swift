import Events
import Foundation
import JSON
import Runs
import SeededChance

/// Hosts that can be isolated and released, at the other end of a bad line.
struct ModelWorld {
    private struct Request {
        var key: UUID
        var operation: String
        var target: String
        var parameters: JSONValue
        var arrival: Instant
    }

    private(set) var objects: [String: JSONValue]
    private(set) var applied: [UUID: ActOutcome] = [:]
    private var underWay: [Request] = []
    /// Nothing is lost or refused any more; what is under way still arrives.
    var isCalm = false

    init(targets: [String]) {
        objects = Dictionary(uniqueKeysWithValues: targets.map { ($0, ["isolated": false, "notices": 0]) })
    }

    var isQuiet: Bool { underWay.isEmpty }

    /// Requests that were given up long ago take their effect.
    mutating func arrive(until now: Instant) -> [String] {
        let due = underWay.filter { $0.arrival <= now }.sorted { $0.arrival < $1.arrival }
        underWay.removeAll { $0.arrival <= now }
        return due.map { request in
            _ = apply(request)
            return "\(request.operation) \(request.target)"
        }
    }

    private mutating func apply(_ request: Request) -> ActOutcome {
        if let outcome = applied[request.key] { return outcome }
        let before = objects[request.target] ?? .null
        var after = before
        switch request.operation {
        case "isolate": after["isolated"] = true
        case "release": after = request.parameters["state"] ?? .null
        default: after["notices"] = .integer((before["notices"]?.int64Value ?? 0) + 1)
        }
        objects[request.target] = after
        let outcome = ActOutcome(output: [:], before: before, after: after)
        applied[request.key] = outcome
        return outcome
    }

    mutating func carryOut(_ directive: RunDirective, now: Instant, _ chance: inout SeededGenerator) -> RunObservation {
        switch directive {
        case .capture(let step, _), .verify(let step, _), .checkDrift(let step, _), .confirmRestored(let step, _):
            if let error = trouble(&chance, 12) { return .failed(error) }
            return .state(objects[step.targets[0].value] ?? .null)
        case .probe(_, let key, _, _):
            if let error = trouble(&chance, 6) { return .failed(error) }
            return .probed(applied[key].map { .applied($0) } ?? .notApplied)
        case .act(let step, let key, let parameters, _):
            return send(
                Request(
                    key: key, operation: step.operation, target: step.targets[0].value, parameters: parameters,
                    arrival: now), timeoutMs: step.timeoutMs, &chance)
        case .rollback(let step, let key, let operation, let parameters, _):
            return send(
                Request(
                    key: key, operation: operation, target: step.targets[0].value, parameters: parameters, arrival: now
                ), timeoutMs: step.timeoutMs, &chance)
        case .record, .wait, .finished: return .failed(ConnectorError(.forbidden, "no request"))
        }
    }

    private func trouble(_ chance: inout SeededGenerator, _ sides: Int) -> ConnectorError? {
        guard !isCalm, Int.random(in: 0..<sides, using: &chance) == 0 else { return nil }
        return ConnectorError(Bool.random(using: &chance) ? .timedOut : .unreachable, "trouble")
    }

    private mutating func send(
        _ request: Request, timeoutMs: Int64, _ chance: inout SeededGenerator
    ) -> RunObservation {
        switch isCalm ? 9 : Int.random(in: 0..<14, using: &chance) {
        case 0: return .failed(ConnectorError(.refused, "no", remoteCode: "409"))
        case 1: return .failed(ConnectorError(.unreachable, "no way"))
        case 2: return .failed(ConnectorError(.timedOut, "lost on the way there"))
        case 3:
            _ = apply(request)
            return .failed(ConnectorError(.timedOut, "lost on the way back"))
        case 4, 5:
            // Given up, and still under way for almost as long as the machine allows for.
            var late = request
            let longest = RunLimits().lateMs + timeoutMs - 1
            late.arrival = request.arrival.adding(milliseconds: Int64.random(in: 1...longest, using: &chance))
            underWay.append(late)
            return .failed(ConnectorError(.timedOut, "late"))
        default: return .acted(apply(request))
        }
    }
}
