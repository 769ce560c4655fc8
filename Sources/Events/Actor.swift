/// Who did it. Identity is the pair (`issuer`, `subject`); a display name lives in the identity registry, never here.
package struct Actor: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case person, service, rule, playbook, timer, model, customer
    }

    /// Through which door the actor came.
    package enum Lane: String, Sendable, Hashable, Codable, CaseIterable {
        case siem, assistant, analyst, soar, owner, system
    }

    package var kind: Kind
    /// `docket`, or the URL of the identity provider.
    package var issuer: String
    package var subject: String
    package var lane: Lane

    package init(kind: Kind, issuer: String = "docket", subject: String, lane: Lane) {
        self.kind = kind
        self.issuer = issuer
        self.subject = subject
        self.lane = lane
    }

    package var identity: Identity { Identity(issuer: issuer, subject: subject) }

    /// A person or the customer: what counts as a human hand in the metrics.
    package var isHuman: Bool { kind == .person || kind == .customer }
}

/// Two tokens of one person are one identity: the pair that every "is it the same person" question compares.
package struct Identity: Sendable, Hashable, Codable {
    package var issuer: String
    package var subject: String

    package init(issuer: String = "docket", subject: String) {
        self.issuer = issuer
        self.subject = subject
    }
}
