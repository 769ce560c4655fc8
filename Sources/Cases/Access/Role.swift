/// What a token may be given. Their powers are capabilities (`Capability.swift`).
package enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    case ingest, analyst, responder, lead, auditor, reporter, admin
    case serviceOwner = "service_owner"
}
