package import Events
package import JSON

package import struct Foundation.UUID

/// Records for which rules hold, all of one flush: `detection.matched`.
///
/// `matches` is sealed as a whole, since it names people and addresses; the digests of the raw input stand beside it, so
/// that its bytes can be proven without opening anything.
package struct DetectionMatched: Payload {
    package static let type = EventType.detectionMatched

    /// A record with the rules that hold for it.
    package struct Match: Codable, Sendable, Hashable {
        package var ruleIDs: [String]
        package var occurredAt: Instant
        package var clockSuspect: Bool
        /// Where the record's bytes are kept as evidence; `nil` for records beyond the cap, which are only counted.
        package var rawDigest: Digest?
        package var rawSize: Int
        /// 1, or how many records beyond the cap this stands for; they have rules and fields in common.
        package var count: Int
        package var entities: [Entity]
        /// Field name to its values: what correlations group by. JSON, because its names are the sources' own.
        package var fields: JSONValue

        package init(
            ruleIDs: [String], occurredAt: Instant, clockSuspect: Bool, rawDigest: Digest?, rawSize: Int, count: Int,
            entities: [Entity], fields: JSONValue
        ) {
            self.ruleIDs = ruleIDs
            self.occurredAt = occurredAt
            self.clockSuspect = clockSuspect
            self.rawDigest = rawDigest
            self.rawSize = rawSize
            self.count = count
            self.entities = entities
            self.fields = fields
        }
    }

    /// What the sender named, or what was recognized: `product=windows`, for example.
    package var logsource: String
    /// Which rules were held against the records.
    package var ruleSet: Digest
    package var matches: [Match]
    /// The raw input that is kept for these matches, each once; `nil` in events of before it was written down.
    package var rawDigests: [Digest]?

    package init(logsource: String, ruleSet: Digest, matches: [Match]) {
        self.logsource = logsource
        self.ruleSet = ruleSet
        self.matches = matches
        rawDigests = Set(matches.compactMap(\.rawDigest)).sorted { $0.text < $1.text }
    }
}

/// Matches that mean something together: `correlation.matched`.
package struct CorrelationMatched: Payload {
    package static let type = EventType.correlationMatched

    package struct Member: Codable, Sendable, Hashable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package struct Match: Codable, Sendable, Hashable {
        package var correlationID: String
        package var alertID: UUID
        /// The values that the records have in common, in the rule's order.
        package var group: [Member]
        package var firstOccurredAt: Instant
        package var lastOccurredAt: Instant
        package var count: Int
        /// The sum, the average or the percentile that the condition holds for, as a decimal; `nil` for other kinds.
        package var measured: String?
        /// Base rules whose matches contributed.
        package var ruleIDs: [String]
        /// The records, in the order of their times.
        package var rawDigests: [String]

        package init(
            correlationID: String, alertID: UUID, group: [Member], firstOccurredAt: Instant, lastOccurredAt: Instant,
            count: Int, measured: String? = nil, ruleIDs: [String], rawDigests: [String]
        ) {
            self.correlationID = correlationID
            self.alertID = alertID
            self.group = group
            self.firstOccurredAt = firstOccurredAt
            self.lastOccurredAt = lastOccurredAt
            self.count = count
            self.measured = measured
            self.ruleIDs = ruleIDs
            self.rawDigests = rawDigests
        }
    }

    package var ruleSet: Digest
    package var matches: [Match]

    package init(ruleSet: Digest, matches: [Match]) {
        self.ruleSet = ruleSet
        self.matches = matches
    }
}

/// A version of a Sigma document: `rule.published`.
package struct RulePublished: Payload {
    package static let type = EventType.rulePublished

    package enum Kind: String, Codable, Sendable, Hashable {
        case rule, correlation
        /// What certain rules are not to tell.
        case filter
        /// What placeholders stand for.
        case placeholders
    }

    package var ruleID: String
    /// 1, 2, … within the tenant.
    package var version: Int
    package var kind: Kind
    package var title: String
    package var level: String?
    package var status: String?
    /// `nil` for a correlation and for values of placeholders.
    package var logsource: String?
    /// Where it comes from: what ships, a directory of the server, or somebody's import.
    package var pack: String
    package var file: String
    /// Of `text`.
    package var digest: Digest
    /// One YAML document.
    package var text: String

    package init(
        ruleID: String, version: Int, kind: Kind, title: String, level: String?, status: String?, logsource: String?,
        pack: String, file: String, digest: Digest, text: String
    ) {
        self.ruleID = ruleID
        self.version = version
        self.kind = kind
        self.title = title
        self.level = level
        self.status = status
        self.logsource = logsource
        self.pack = pack
        self.file = file
        self.digest = digest
        self.text = text
    }
}

/// A rule is no longer held against records: `rule.retired`.
package struct RuleRetired: Payload {
    package static let type = EventType.ruleRetired
    package var ruleID: String
    /// `nil` once erased.
    package var reason: String?

    package init(ruleID: String, reason: String) {
        self.ruleID = ruleID
        self.reason = reason
    }
}
