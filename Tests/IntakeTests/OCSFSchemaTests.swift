import JSON
import Testing

@testable import Intake

@Suite(
    "The OCSF validator of these tests", .enabled(if: OCSFSchema.isAvailable, "the compiled OCSF schema is not there"))
struct OCSFSchemaTests {
    static let valid: JSONValue = [
        "activity_id": 1, "activity_name": "Create", "category_uid": 2, "class_uid": 2004, "type_uid": 200_401,
        "severity_id": 4, "severity": "High", "time": 1, "confidence_score": 3,
        "metadata": ["version": "1.9.0", "product": ["name": "p"], "profiles": ["security_control"]],
        "finding_info": ["uid": "1", "title": "t"],
    ]

    @Test("a right sample has no violations")
    func validSample() throws {
        #expect(try OCSFSchema.shared.get().violations(of: Self.valid) == [])
    }

    @Test(
        "a wrong sample is told",
        arguments: [
            (["time": nil], "/time: required"),
            (["time": "now"], "/time: string where"),
            (["severity_id": 7], "not in the enumeration"),
            (["severity": "Low"], "severity is not 'High'"),
            (["severity_id": 99, "severity": nil], "99 without severity"),
            (["colour": "red"], "unknown attribute"),
            (["device": ["name": "d", "type_id": 0]], "profile host is not active"),
            (["finding_info": ["title": "t"]], "/finding_info/uid: required"),
            (["finding_info": ["uid": "1", "attacks": ["version": "1"]]], "not an array"),
            (["finding_info": ["uid": "1", "attacks": [["version": "1"]]]], "at least one of"),
            (["vulnerabilities": [["desc": "x"]]], "just one of"),
            (["observables": [["type_id": 2, "value": 5]]], "integer where string_t"),
            (["resources": [["uid": "a", "ip": "no address"]]], "is no ip_t"),
            (["evidences": [["url": ["url_string": "a", "port": 70_000]]]], "out of range"),
            (["type_uid": 200_402], "type_uid"),
            (["comment": "old"], "deprecated"),
            (["message": nil, "status_id": 1, "status": nil, "class_uid": 1], "no such class"),
        ] as [([String: JSONValue?], String)])
    func invalidSample(changes: [String: JSONValue?], expected: String) throws {
        let violations = try OCSFSchema.shared.get().violations(of: Self.valid.with(changes))
        #expect(violations.contains { $0.contains(expected) }, "\(violations)")
    }

    @Test("the tables of carried attributes agree with the schema")
    func tables() throws {
        let schema = try OCSFSchema.shared.get()
        for (name, object) in OCSFObject.named {
            let definition = try #require(name == "detection_finding" ? schema.classes[2004] : schema.objects[name])
            for (attribute, shape) in object.attributes {
                let known = try #require(definition.attributes[attribute], "\(name).\(attribute)")
                #expect(!known.isDeprecated, "\(name).\(attribute)")
                #expect(
                    known.profile == object.profiles[attribute] || known.profile == "security_control",
                    "\(name).\(attribute)")
                try compare(shape, known, schema, "\(name).\(attribute)")
            }
            let required = definition.attributes.filter { $0.value.isRequired && $0.value.profile == nil }.keys
            let supplied = Set(object.required).union(object.fallbacks.keys)
            let isCompleted = ["detection_finding", "metadata"].contains(name)
            #expect(isCompleted || supplied.isSuperset(of: required), "\(name) requires \(required.sorted())")
            #expect(Set(object.atLeastOne).isSubset(of: definition.atLeastOne), "\(name)")
            #expect(object.atLeastOne.isEmpty == definition.atLeastOne.isEmpty, "\(name)")
        }
    }

    private func compare(
        _ shape: OCSFShape, _ known: OCSFSchema.Attribute, _ schema: OCSFSchema, _ place: String
    ) throws {
        if case .list(let element) = shape {
            #expect(known.isArray, "\(place)")
            var single = known
            single.isArray = false
            return try compare(element, single, schema, place)
        }
        #expect(!known.isArray, "\(place)")
        switch shape {
        case .object(let name): #expect(known.type == name, "\(place)")
        case .identifier(let enumeration):
            let captions = Dictionary(uniqueKeysWithValues: enumeration.captions.map { (String($0.key), $0.value) })
            #expect(captions == known.captions, "\(place)")
            #expect(enumeration.sibling == known.sibling, "\(place)")
            #expect(enumeration.captions[99] != nil, "\(place)")
        case .text:
            let type = try #require(schema.types[known.type])
            #expect(type.base == "string_t" && type.regex == nil && type.maximumLength == nil, "\(place)")
        case .integer: #expect(["integer_t", "long_t"].contains(known.type), "\(place)")
        case .number: #expect(known.type == "float_t", "\(place)")
        case .boolean: #expect(known.type == "boolean_t", "\(place)")
        case .timestamp: #expect(known.type == "timestamp_t", "\(place)")
        case .json: #expect(known.type == "json_t", "\(place)")
        case .email: #expect(known.type == "email_t", "\(place)")
        case .ip: #expect(known.type == "ip_t", "\(place)")
        case .mac: #expect(known.type == "mac_t", "\(place)")
        case .port: #expect(known.type == "port_t", "\(place)")
        case .uuid: #expect(known.type == "uuid_t", "\(place)")
        case .list: Issue.record("a list of lists at \(place)")
        }
    }
}
