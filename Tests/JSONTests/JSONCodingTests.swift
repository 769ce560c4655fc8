import Foundation
import JSON
import Testing

@Suite("Swift values as JSON")
struct JSONCodingTests {
    struct Sample: Codable, Equatable {
        enum Level: String, Codable { case twoPerson = "two_person" }
        var planDigest: String
        var caseId: UUID
        var runId: UUID?
        var level: Level
        var counts: [String: Int]
        var extra: JSONValue
        var list: [Sub]
        struct Sub: Codable, Equatable { var aB: Double?; var flag: Bool }
    }

    private let sample = Sample(
        planDigest: "d", caseId: UUID(uuidString: "0190AAAA-0000-7000-8000-000000000001")!, runId: nil,
        level: .twoPerson, counts: ["fooBar": 1], extra: ["x": [1, nil]],
        list: [.init(aB: 0.5, flag: true), .init(aB: nil, flag: false)])

    @Test("names are snake case, nil is null, dictionary keys stay as they are")
    func encoding() throws {
        let value = try JSONValue(encoding: sample)
        #expect(
            value == [
                "plan_digest": "d", "case_id": "0190aaaa-0000-7000-8000-000000000001", "run_id": nil,
                "level": "two_person", "counts": ["fooBar": 1], "extra": ["x": [1, nil]],
                "list": [["a_b": 0.5, "flag": true], ["a_b": nil, "flag": false]],
            ])
        #expect(try value.decode(Sample.self) == sample)
    }

    @Test("a run of capitals is one word")
    func acronyms() throws {
        struct Names: Codable { var alertID = 1, sourceURL = 2, runIDs = 3, URLPath = 4, ocsf = 5, p50 = 6 }
        let names = try JSONValue(encoding: Names()).objectValue?.keys.sorted()
        #expect(names == ["alert_id", "ocsf", "p50", "run_ids", "source_url", "url_path"])
    }

    @Test("a missing or wrong member is named by its pointer")
    func errors() throws {
        var value = try JSONValue(encoding: sample)
        value["level"] = "three_person"
        var error = #expect(throws: JSONError.self) { try value.decode(Sample.self) }
        #expect(error?.pointer == "/level")
        value = try JSONValue(encoding: sample).replacing(at: JSONPointer("/list/1/flag")!, with: "no")
        error = #expect(throws: JSONError.self) { try value.decode(Sample.self) }
        #expect(error?.pointer == "/list/1/flag")
        #expect(error?.code == .type)
        value["plan_digest"] = nil as JSONValue?
        error = #expect(throws: JSONError.self) { try value.decode(Sample.self) }
        #expect(error?.code == .required)
    }

    @Test("pointers find, replace and match patterns (RFC 6901 §5)")
    func pointers() throws {
        let value: JSONValue = ["foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, "e": [["v": 1], ["v": 2]]]
        #expect(value.at("/foo/0") == "bar")
        #expect(value.at("/") == 0)
        #expect(value.at("/a~1b") == 1)
        #expect(value.at("/m~0n") == 8)
        #expect(value.at("") == value)
        #expect(value.at("/foo/01") == nil)
        #expect(value.at("foo") == nil)
        #expect(value.pointers(matching: JSONPointer("/e/*/v")!).map(\.description) == ["/e/0/v", "/e/1/v"])
        #expect(value.replacing(at: JSONPointer("/e/1/v")!, with: "x").at("/e/1/v") == "x")
    }
}
