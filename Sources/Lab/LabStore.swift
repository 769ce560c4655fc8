import Events
import JSON

/// The one place where the lab's world changes: one change at a time, on disk before it counts.
actor LabStore {
    private(set) var world: LabWorld
    private var file: LabStateFile?

    /// - Parameters:
    ///   - path: the state file, read if it is there; `nil` keeps the world in memory.
    ///   - initial: the world to begin with where there is no file.
    init(path: String?, initial: LabWorld) throws(LabError) {
        guard let path else {
            world = initial
            file = nil
            return
        }
        var stateFile = LabStateFile(path: path)
        var world = initial
        if let lines = try stateFile.read() {
            do {
                for line in lines { try Self.replay(line, into: &world) }
            } catch {
                throw LabError(.storage, "the state file holds no lab: \(error)")
            }
        }
        do {
            try stateFile.rewrite(["world": world.snapshot()])
        } catch {
            throw LabError(.storage, "\(error)")
        }
        self.world = world
        file = stateFile
    }

    /// The same operations in the same order give the same world, so the file keeps what was asked, not what came of it.
    private static func replay(_ line: JSONValue, into world: inout LabWorld) throws {
        if let snapshot = line["world"] {
            world = try LabWorld(snapshot: snapshot)
        } else if let request = line["perform"] {
            let command: LabCommand = try request.decode()
            _ = try world.perform(command)
        } else if let change = line["put"] {
            guard let kind = change["kind"]?.stringValue.flatMap(LabKind.init(rawValue:)),
                let id = change["id"]?.stringValue, let value = change["value"]
            else { throw LabError(.storage, "a change by hand is incomplete") }
            try world.put(value, kind, id)
        } else if let faults = line["faults"] {
            world.clearFaults()
            for fault in try faults.decode([LabFault].self) { world.add(fault) }
        } else {
            throw LabError(.storage, "a line of the state file is of no known kind")
        }
    }

    func perform(_ command: LabCommand) throws -> JSONValue {
        var next = world
        let answer = try next.perform(command)
        try file?.append(["perform": JSONValue(encoding: command)])
        world = next
        return answer
    }

    func put(_ value: JSONValue, _ kind: LabKind, _ id: String) throws -> JSONValue {
        var next = world
        try next.put(value, kind, id)
        try file?.append(["put": ["kind": .string(kind.rawValue), "id": .string(id), "value": value]])
        world = next
        return next.object(kind, id) ?? .null
    }

    func replaceState(_ state: JSONValue) throws {
        var next = world
        try next.replaceState(state)
        try file?.rewrite(["world": next.snapshot()])
        world = next
    }

    func add(_ fault: LabFault) throws { try changeFaults { $0.add(fault) } }

    func clearFaults() throws { try changeFaults { $0.clearFaults() } }

    func takeFault(kind: String, operation: String) throws -> LabFault? {
        guard !world.faults.isEmpty else { return nil }
        var taken: LabFault?
        try changeFaults { taken = $0.takeFault(kind: kind, operation: operation) }
        return taken
    }

    private func changeFaults(_ change: (inout LabWorld) -> Void) throws {
        var next = world
        change(&next)
        guard next.faults != world.faults else { return }
        try file?.append(["faults": JSONValue(encoding: next.faults)])
        world = next
    }
}

/// One operation asked for, with the time at which it was.
struct LabCommand: Hashable, Codable {
    var kind: String
    var id: String?
    var operation: String
    var body: JSONValue
    var key: String
    var at: Instant
}

extension LabWorld {
    mutating func perform(_ command: LabCommand) throws(LabError) -> JSONValue {
        guard let kind = LabKind(rawValue: command.kind) else { throw LabError(.notFound, "no such kind") }
        guard let operation = LabOperation(rawValue: command.operation) else {
            throw LabError(.notFound, "\(command.kind) know no operation '\(command.operation)'")
        }
        return try perform(
            operation, on: kind, id: command.id, body: command.body, key: command.key, at: command.at)
    }
}
