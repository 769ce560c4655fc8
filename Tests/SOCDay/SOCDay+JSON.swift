import Events
package import JSON

extension SOCDay.Arrival {
    /// The bytes that a product would send to `POST /v1/alerts`.
    package var bytes: [UInt8] { json.canonicalBytes() }

    private var json: JSONValue {
        var json: JSONValue = [
            "source": .string(alert.source), "source_ref": .string(alert.reference), "title": .string(alert.title),
            "occurred_at": .string(alert.occurredAt.rfc3339), "severity": .string(alert.severity.rawValue),
            "confidence_score": alert.confidence.map { .integer(Int64($0)) } ?? .null,
            "pattern": alert.pattern.map(JSONValue.string) ?? .null,
            "description": .string("\(alert.title), reported by \(alert.source)."),
            "rule": ["uid": .string(alert.rule), "name": .string(alert.title)],
            "attack_techniques": .array(alert.techniques.map(JSONValue.string)),
            "entities": .array(
                alert.entities.map {
                    ["type": .string($0.type.rawValue), "value": .string($0.value), "role": .string($0.role.rawValue)]
                }),
            "evidence": [
                [
                    "kind": "raw_event", "observed_at": .string(alert.occurredAt.rfc3339),
                    "data": ["sensor": .string(alert.source), "rule": .string(alert.rule)],
                ]
            ],
            "environment": .string(alert.environment.rawValue), "region": .string(alert.region),
        ]
        if form == .updated { json["description"] = .string("\(alert.title): looked at again by \(alert.source).") }
        return json
    }
}
