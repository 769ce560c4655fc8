import Events
import JSON
import Testing

@testable import Cases

@Suite("What readers decode")
struct PayloadTypeTests {
    @Test("what the domain writes is what it reads", arguments: EventType.allCases)
    func samples(type: EventType) throws {
        guard let payload = type.payload, try PayloadSamples.decision(of: type) != nil else { return }
        _ = try PayloadSamples.data(of: type).decode(payload)
    }

    /// Members that a reader misses when they are gone.
    private static let required: [(EventType, String)] = [
        (.alertNormalized, "occurred_at"), (.alertIngested, "alert_id"), (.caseOpened, "first_occurred_at"),
        (.caseAlertLinked, "alert_id"), (.caseEnriched, "entities"), (.caseCorrelated, "timeline"),
        (.evidenceAdded, "item"), (.caseSeverityChanged, "severity_id"), (.approvalRequested, "expires_at"),
        (.slaStarted, "clock"), (.runStarted, "run_id"), (.caseClosed, "verdict"), (.assetRegistered, "observed_at"),
        (.calendarChanged, "entries"), (.caseMerged, "into"),
    ]

    @Test("a payload without what its readers need is refused, and so is one with a time that no reader takes")
    func refused() throws {
        for (type, member) in Self.required {
            let payload = try #require(type.payload)
            var data = try PayloadSamples.data(of: type)
            data[member] = nil
            #expect(throws: JSONError.self, "\(type.rawValue) without \(member)") { _ = try data.decode(payload) }
        }
        for text in ["10000-01-29T00:00:00.000000Z", "-0001-12-31T00:00:00.000000Z", "0000-01-01T00:00:00Z", ""] {
            var data = try PayloadSamples.data(of: .caseOpened)
            data["first_occurred_at"] = .string(text)
            #expect(throws: JSONError.self, "\(text)") { _ = try data.decode(CaseOpened.self) }
        }
    }
}
