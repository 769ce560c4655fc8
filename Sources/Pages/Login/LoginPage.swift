package import JSON

/// Where a token becomes a session.
package enum LoginPage {
    package static func model(next: String?, refusal: String?, hasEnded: Bool) -> JSONValue {
        [
            "next": next.map(JSONValue.string) ?? .null, "refusal": refusal.map(JSONValue.string) ?? .null,
            "has_ended": .bool(hasEnded),
        ]
    }
}
