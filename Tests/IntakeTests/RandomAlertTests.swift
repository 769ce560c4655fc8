import Events
import JSON
import SeededChance
import Testing

@testable import Intake

@Suite("Random native alerts")
struct RandomAlertTests {
    @Test(
        "are accepted with a valid finding that keeps every entity, or rejected with an error",
        arguments: [1, 2, 3, 4] as [UInt64])
    func outcomes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var accepted = 0
        for _ in 0..<250 {
            let alert = Self.alert(&random)
            let outcome = Samples.read(alert)
            if let rejected = outcome.rejected {
                #expect(!rejected.errors.isEmpty && !rejected.reason.isEmpty)
                #expect(rejected.errors.allSatisfy { JSONPointer($0.pointer) != nil })
                continue
            }
            accepted += 1
            let normalized = try expectAccepted(outcome).alert
            let leaves = normalized.ocsf.leaves
            #expect(normalized.entities.allSatisfy { leaves.contains($0.value) })
            let encoded = try JSONValue(encoding: normalized)
            #expect(try encoded.decode(NormalizedAlert.self) == normalized)
            #expect(outcome == Samples.read(alert))
        }
        #expect((25...225).contains(accepted), "the generator should make both kinds, not \(accepted) of 250")
    }

    private static func alert(_ random: inout SeededGenerator) -> JSONValue {
        var members = Samples.minimal.objectValue ?? [:]
        let names = Array((Samples.full.objectValue ?? [:]).keys).sorted() + ["x", "y/z"]
        for name in names where Bool.random(using: &random) {
            members[name] = Samples.full[name] ?? .string(text(&random))
        }
        members["entities"] = .array((0..<Int.random(in: 0...6, using: &random)).map { _ in entity(&random) })
        members["severity"] = .string(Severity.allCases.randomElement(using: &random)!.rawValue)
        members["severity_id"] = nil
        members["title"] = .string("t" + text(&random))
        if Int.random(in: 0..<3, using: &random) == 0, let name = names.randomElement(using: &random) {
            members[name] = value(&random, depth: 0)
        }
        return .object(members)
    }

    private static func entity(_ random: inout SeededGenerator) -> JSONValue {
        [
            "type": .string(Entity.EntityType.allCases.randomElement(using: &random)!.rawValue),
            "value": .string("v" + text(&random)),
            "role": .string(Entity.Role.allCases.randomElement(using: &random)!.rawValue),
        ]
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let pieces = [
            "a", "Z", "9", ".", "/", "@", "ü", "漢", "🜁", " ", "\"", "\\", "<script>", "\n",
            "e\u{301}", "::1", "=1+1",
        ]
        return (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
    }

    private static func value(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth < 3 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: -5...200, using: &random))
        case 3: return .number(0.5)
        case 4: return .string(text(&random))
        case 5: return .array((0..<3).map { _ in value(&random, depth: depth + 1) })
        default: return ["type": value(&random, depth: depth + 1), "value": value(&random, depth: depth + 1)]
        }
    }
}
