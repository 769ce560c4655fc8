package import Events
import Foundation
package import JSON

/// The lab: a small world of hosts, users, tokens, secrets, security groups and pods, as a value.
///
/// Docket acts on it in demos, drills and tests, because the outside world cannot be put back and this one can: every
/// operation tells before and after, is applied at most once per idempotency key, and has an exact inverse. The state's
/// canonical JSON is the proof of "exactly what it was" (contract §11).
///
/// Pure: no clock, no file, no randomness. Time comes in, ids are derived from the idempotency key, so replaying the
/// same commands gives the same world.
package struct LabWorld: Sendable, Hashable {
    /// Kind → objects by id, or for notifications and blocked addresses the set itself. Arrays are sorted sets.
    package private(set) var state: JSONValue
    package private(set) var journal: [LabJournalEntry] = []
    package private(set) var faults: [LabFault] = []
    /// Idempotency key → what was asked and what was answered.
    private var answers: [String: LabRecordedAnswer] = [:]
    /// `kind/id` → the object before the lab first changed it. Not part of the state: an undo erases its own trace.
    private var remembered: [String: JSONValue] = [:]

    package init(state: JSONValue) throws(LabError) {
        self.state = try Self.checked(state)
    }

    /// SHA-256 of the state's canonical JSON; quoted, it is the `ETag`.
    package var stateDigest: Digest { .sha256(state.canonicalBytes()) }
}

/// One line of the journal. A repeated key leaves a line too, with `applied` false.
package struct LabJournalEntry: Sendable, Hashable, Codable {
    package var seq: Int
    package var idempotencyKey: String
    package var kind: String
    package var id: String
    package var operation: String
    package var applied: Bool
    package var at: Instant
}

struct LabRecordedAnswer: Hashable, Codable {
    /// SHA-256 of what was asked: the same key for something else is a mistake of the caller.
    var request: Digest
    var answer: JSONValue
}

extension LabWorld {
    /// An object, or `nil`. An address always has one: `{"blocked": true|false}`.
    package func object(_ kind: LabKind, _ id: String) -> JSONValue? {
        let collection = state[kind.rawValue]
        switch kind {
        case .blockedIPs: return ["blocked": .bool(collection?.arrayValue?.contains(.string(id)) ?? false)]
        case .notifications: return collection?.arrayValue?.first { $0["id"]?.stringValue == id }
        default: return collection?[id]
        }
    }

    /// The answer recorded for a key, as it was given the first time.
    package func answer(forKey key: String) -> JSONValue? { answers[key]?.answer }

    /// Applies an operation once per idempotency key.
    ///
    /// - Returns: `{"operation_id", "applied", "before", "after", "output"}`; for a key seen before the recorded answer
    ///   with `applied` false, and nothing changes but the journal.
    package mutating func perform(
        _ operation: LabOperation, on kind: LabKind, id: String?, body: JSONValue, key: String, at instant: Instant
    ) throws(LabError) -> JSONValue {
        let request = Digest.sha256(
            JSONValue.array([
                .string(kind.rawValue), id.map { .string($0) } ?? .null, .string(operation.rawValue), body,
            ]).canonicalBytes())
        if let recorded = answers[key] {
            guard recorded.request == request else {
                throw LabError(.idempotencyKeyReused, "this idempotency key was used for something else")
            }
            record(key, kind, recorded.answer["id"]?.stringValue ?? id ?? "", operation, applied: false, instant)
            var answer = recorded.answer
            answer["applied"] = false
            return answer
        }
        let operationID = UUID.v5(namespace: Self.operationNamespace, name: key).lowercased
        let answer =
            operation == .create
            ? try create(kind, body: body, operationID: operationID)
            : try change(kind, id ?? "", operation, body: body, operationID: operationID)
        answers[key] = LabRecordedAnswer(request: request, answer: answer)
        record(key, kind, answer["id"]?.stringValue ?? id ?? "", operation, applied: true, instant)
        return answer
    }

    private static let operationNamespace = UUID.v5(
        namespace: UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), name: "docket lab operation")

    private mutating func change(
        _ kind: LabKind, _ id: String, _ operation: LabOperation, body: JSONValue, operationID: String
    ) throws(LabError) -> JSONValue {
        guard kind.operations.contains(operation) else {
            throw LabError(.notFound, "\(kind.rawValue) know no operation '\(operation.rawValue)'")
        }
        guard let before = object(kind, id) else { throw LabError(.notFound, "no such object in \(kind.rawValue)") }
        let place = kind.rawValue + "/" + id
        let transition = try operation.transition(
            of: before, body: body, remembered: remembered[place], id: operationID)
        var after = transition.after.asSets()
        if operation == .isolate, kind == .pods { try evade(from: &after) }
        try store(after, kind, id)
        switch transition.memory {
        case .keep: break
        case .remember: remembered[place] = before
        case .forget: remembered[place] = nil
        }
        return Self.answer(operationID, kind, id, before: before, after: after, output: transition.output)
    }

    /// An attacker who is told by `evades_to` where to go: as the pod is isolated, what ran in it appears in another one.
    /// It is nobody's operation, so no journal has it.
    private mutating func evade(from pod: inout JSONValue) throws(LabError) {
        guard let refuge = pod["evades_to"]?.stringValue, var other = object(.pods, refuge) else { return }
        let moved = (other["processes"]?.arrayValue ?? []) + (pod["processes"]?.arrayValue ?? [])
        other["processes"] = JSONValue.array(moved).asSets()
        try store(other, .pods, refuge)
        pod["processes"] = []
        pod["moved_to"] = .string(refuge)
    }

    private mutating func create(
        _ kind: LabKind, body: JSONValue, operationID: String
    ) throws(LabError) -> JSONValue {
        guard kind == .tickets || kind == .notifications else {
            throw LabError(.methodNotAllowed, "only tickets and notifications are created")
        }
        guard body.objectValue != nil else { throw LabError(.validationFailed, "an object is expected", pointer: "") }
        let transition = try LabOperation.create.transition(of: body, body: body, remembered: nil, id: operationID)
        let after = transition.after.asSets()
        guard let id = after["id"]?.stringValue, Self.isID(id) else {
            throw LabError(.validationFailed, "an id is text of 1 to 200 characters", pointer: "/id")
        }
        guard object(kind, id) == nil else { throw LabError(.notApplicable, "this id is taken", pointer: "/id") }
        try store(after, kind, id)
        return Self.answer(operationID, kind, id, before: .null, after: after, output: transition.output)
    }

    private static func answer(
        _ operationID: String, _ kind: LabKind, _ id: String, before: JSONValue, after: JSONValue, output: JSONValue
    ) -> JSONValue {
        [
            "operation_id": .string(operationID), "applied": true, "kind": .string(kind.rawValue), "id": .string(id),
            "before": before, "after": after, "output": output,
        ]
    }

    private mutating func record(
        _ key: String, _ kind: LabKind, _ id: String, _ operation: LabOperation, applied: Bool, _ instant: Instant
    ) {
        journal.append(
            LabJournalEntry(
                seq: journal.count + 1, idempotencyKey: key, kind: kind.rawValue, id: id,
                operation: operation.rawValue, applied: applied, at: instant))
    }
}

extension LabWorld {
    /// Replaces the whole state and clears journal, recorded answers and faults.
    package mutating func replaceState(_ state: JSONValue) throws(LabError) {
        self = try LabWorld(state: state)
    }

    /// Changes an object by hand, past the journal: how a test makes drift.
    package mutating func put(_ value: JSONValue, _ kind: LabKind, _ id: String) throws(LabError) {
        guard value.objectValue != nil else { throw LabError(.validationFailed, "an object is expected", pointer: "") }
        guard Self.isID(id) else { throw LabError(.validationFailed, "an id is text of 1 to 200 characters") }
        try store(value.asSets(), kind, id)
    }

    private mutating func store(_ object: JSONValue, _ kind: LabKind, _ id: String) throws(LabError) {
        var collection = state[kind.rawValue] ?? (kind.isSet ? [] : .object([:]))
        switch kind {
        case .blockedIPs:
            guard Self.isAddress(id) else { throw LabError(.validationFailed, "an IP address is expected") }
            guard let blocked = object["blocked"]?.boolValue else {
                throw LabError(.validationFailed, "true or false is expected", pointer: "/blocked")
            }
            let others = (collection.arrayValue ?? []).filter { $0 != .string(id) }
            collection = JSONValue.array(blocked ? others + [.string(id)] : others).asSets()
        case .notifications:
            let others = (collection.arrayValue ?? []).filter { $0["id"]?.stringValue != id }
            var object = object
            object["id"] = .string(id)
            collection = JSONValue.array(others + [object]).asSets()
        default: collection[id] = object
        }
        state[kind.rawValue] = collection
    }

    private static func isID(_ id: String) -> Bool { (1...200).contains(id.count) }

    private static func isAddress(_ text: String) -> Bool {
        (2...45).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                $0 == 0x2E || $0 == 0x3A || UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9")
                    || UInt8(ascii: "a") <= $0 && $0 <= UInt8(ascii: "f")
            }
    }

    /// Every kind is there, with the right type, arrays as sorted sets.
    private static func checked(_ state: JSONValue) throws(LabError) -> JSONValue {
        guard let members = state.objectValue else {
            throw LabError(.validationFailed, "an object is expected", pointer: "")
        }
        var whole: [String: JSONValue] = [:]
        for name in members.keys.sorted() where LabKind(rawValue: name) == nil {
            throw LabError(.validationFailed, "the lab knows no such kind", pointer: "/" + JSONPointer.escape(name))
        }
        for kind in LabKind.allCases {
            let collection = members[kind.rawValue] ?? (kind.isSet ? [] : .object([:]))
            let pointer = "/" + kind.rawValue
            if kind.isSet {
                guard let elements = collection.arrayValue else {
                    throw LabError(.validationFailed, "an array is expected", pointer: pointer)
                }
                let fits = elements.allSatisfy { kind == .blockedIPs ? $0.stringValue != nil : $0.objectValue != nil }
                guard fits else { throw LabError(.validationFailed, "an element has a wrong type", pointer: pointer) }
            } else {
                guard let objects = collection.objectValue, objects.values.allSatisfy({ $0.objectValue != nil }) else {
                    throw LabError(.validationFailed, "an object of objects is expected", pointer: pointer)
                }
            }
            whole[kind.rawValue] = collection.asSets()
        }
        return .object(whole)
    }
}

extension LabWorld {
    /// Lays a fault for the next `times` requests that match.
    package mutating func add(_ fault: LabFault) { faults.append(fault) }

    package mutating func clearFaults() { faults = [] }

    /// The fault that strikes this request, if any; its count goes down by one.
    package mutating func takeFault(kind: String, operation: String) -> LabFault? {
        guard let index = faults.firstIndex(where: { $0.kind == kind && $0.operation == operation }) else { return nil }
        let fault = faults[index]
        faults[index].times -= 1
        if faults[index].times <= 0 { faults.remove(at: index) }
        return fault
    }
}

extension LabWorld {
    private struct Snapshot: Codable {
        var state: JSONValue
        var journal: [LabJournalEntry]
        var faults: [LabFault]
        var answers: [String: LabRecordedAnswer]
        var remembered: [String: JSONValue]
    }

    /// The world as one JSON value, for the state file.
    func snapshot() throws -> JSONValue {
        try JSONValue(
            encoding: Snapshot(
                state: state, journal: journal, faults: faults, answers: answers, remembered: remembered))
    }

    init(snapshot: JSONValue) throws {
        let snapshot: Snapshot = try snapshot.decode()
        try self.init(state: snapshot.state)
        journal = snapshot.journal
        faults = snapshot.faults
        answers = snapshot.answers
        remembered = snapshot.remembered
    }
}
