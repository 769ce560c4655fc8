import HTTPTypes

extension HTTPField.Name {
    /// The last position that a write appended.
    static let docketPosition = Self.known("Docket-Position")
    static let idempotencyKey = Self.known("Idempotency-Key")
    /// Says that an answer is the one that was given before.
    static let idempotencyReplayed = Self.known("Idempotent-Replayed")
    static let traceparent = Self.known("traceparent")
    static let lastEventID = Self.known("Last-Event-ID")
    static let secFetchSite = Self.known("Sec-Fetch-Site")
    static let xForwardedProto = Self.known("X-Forwarded-Proto")
    static let crossOriginResourcePolicy = Self.known("Cross-Origin-Resource-Policy")
    static let referrerPolicy = Self.known("Referrer-Policy")

    private static func known(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no field name") }
        return name
    }
}
