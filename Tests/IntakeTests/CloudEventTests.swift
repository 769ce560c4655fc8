import Events
import Foundation
import JSON
import Testing

@testable import Intake

@Suite("A CloudEvents event")
struct CloudEventTests {
    static let native: JSONValue = [
        "specversion": "1.0", "id": "ev-1", "source": "/edr/prod", "type": "com.example.alert", "subject": "sg-0a1",
        "time": "2026-11-21T02:30:00Z", "datacontenttype": "application/json", "traceparent": "00-ab-cd-01",
        "data": ["title": "Port open", "severity": "medium"],
    ]

    @Test("gives a native alert its source, reference and time where it has none")
    func defaults() throws {
        let accepted = try expectAccepted(Samples.read(Self.native, as: .cloudEvents))
        #expect(accepted.source == "/edr/prod")
        #expect(accepted.sourceRef == "ev-1")
        #expect(accepted.alert.occurredAt.rfc3339 == "2026-11-21T02:30:00.000000Z")
        #expect(accepted.mediaType == "application/cloudevents+json")
        #expect(accepted.alert.unmapped["cloudevents"]?["traceparent"] == "00-ab-cd-01")
        #expect(accepted.alert.unmapped["cloudevents"]?["data"] == nil)
        #expect(accepted.warnings == [])
    }

    @Test("leaves an alert its own source, reference and time")
    func ownKey() throws {
        let accepted = try expectAccepted(Samples.read(Self.native.with(["data": Samples.full]), as: .cloudEvents))
        #expect(accepted.source == "edr-prod")
        #expect(accepted.sourceRef == "A-1042")
        #expect(accepted.alert.occurredAt.rfc3339 == "2026-11-21T02:30:00.500000Z")
    }

    @Test("may carry an OCSF finding")
    func finding() throws {
        let accepted = try expectAccepted(Samples.read(Self.native.with(["data": Samples.finding]), as: .cloudEvents))
        #expect(accepted.source == "Sentinel One")
        #expect(accepted.sourceRef == "F-77")
    }

    @Test("may carry its data in Base64")
    func base64() throws {
        let data = Data(Samples.bytes(Samples.full)).base64EncodedString()
        let event = Self.native.with(["data": nil, "data_base64": .string(data)])
        #expect(try expectAccepted(Samples.read(event, as: .cloudEvents)).sourceRef == "A-1042")
    }

    @Test(
        "with something wrong is rejected at its place",
        arguments: [
            (["specversion": nil], "/specversion", .required),
            (["specversion": "0.3"], "/specversion", .enum),
            (["id": nil], "/id", .required),
            (["id": ""], "/id", .length),
            (["source": 5], "/source", .type),
            (["type": nil], "/type", .required),
            (["time": "noon"], "/time", .format),
            (["datacontenttype": "application/xml"], "/datacontenttype", .format),
            (["data": nil], "/data", .required),
            (["data": "text"], "/data", .type),
            (["data_base64": "e30="], "/data_base64", .format),
            (["data": nil, "data_base64": "***"], "/data_base64", .format),
            (["data": nil, "data_base64": "ew=="], "/data_base64", .syntax),
            (["data": ["title": "t", "severity": "x"]], "/data/severity", .enum),
            (["data": ["class_uid": 3002]], "/data/class_uid", .enum),
        ] as [([String: JSONValue?], String, FieldError.Code)])
    func bad(changes: [String: JSONValue?], pointer: String, code: FieldError.Code) throws {
        let rejected = try #require(Samples.read(Self.native.with(changes), as: .cloudEvents).rejected)
        #expect(rejected.errors.map(\.pointer) == [pointer])
        #expect(rejected.errors.map(\.code) == [code])
    }
}
