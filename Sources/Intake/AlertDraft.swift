import Events
import JSON

/// What an alert says, before it has an id: the common result of the native and the OCSF reader.
struct AlertDraft {
    var source: String
    /// `nil`: the digest of the bytes stands for it.
    var sourceRef: String?
    var title: String
    var occurredAt: Instant
    /// The time as the source wrote it.
    var originalTime: String
    var severity: Severity
    /// The source's own word where the severity is `other`.
    var severityLabel: String?
    var confidenceScore: Int?
    var pattern: String?
    var description: String?
    var sourceURL: String?
    var rule: NormalizedAlert.Rule?
    var attackTechniques: [String] = []
    var entities: [Entity] = []
    var evidence: [NormalizedAlert.EvidenceItem] = []
    var environment = DeploymentEnvironment.unknown
    var region: String?
    /// Attributes of the OCSF Detection Finding, valid ones only; what every finding has comes later.
    var finding: [String: JSONValue] = [:]
    /// The OCSF profiles that those attributes need.
    var profiles: Set<String> = ["security_control"]
}

/// What an envelope says in place of the alert itself.
struct AlertDefaults {
    var source: String?
    var sourceRef: String?
    var occurredAt: String?
}
