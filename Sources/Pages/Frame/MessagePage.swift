package import JSON

/// A page that says one thing: what went wrong and what to do, or that there is nothing here for a role.
package enum MessagePage {
    package static func model(
        title: String, detail: String, status: Int?, trace: String?, isSignedIn: Bool
    ) -> JSONValue {
        [
            "heading": .string(title), "detail": .string(detail), "status": status.map { .integer(Int64($0)) } ?? .null,
            "trace": trace.map(JSONValue.string) ?? .null, "is_signed_in": .bool(isSignedIn),
        ]
    }
}
