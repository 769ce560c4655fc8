import Content
import Foundation
import JSON

/// A demo story: an inventory, history, a calendar, what may run by itself, the state of the lab, alerts or raw telemetry,
/// what people do, and how it is expected to end. All of it is data (`Content/Stories`); no code knows a story by name.
struct Story: Codable, Sendable {
    struct History: Codable, Sendable, Hashable {
        /// The name of the playbook whose earlier decisions these are.
        var playbook: String
        var n: Int
        var correct: Int
        var source: String
    }

    struct TimedAlert: Codable, Sendable {
        var afterMs: Int64
        var alert: JSONValue
    }

    /// Records for `POST /v1/telemetry`.
    struct Telemetry: Codable, Sendable {
        struct Record: Codable, Sendable {
            /// When it happened, from the moment at which the story is played.
            var offsetMs: Int64
            var record: JSONValue
        }

        var query: String
        /// Members of a record that are given its time.
        var timeMembers: [String]
        var records: [Record]
    }

    /// What people allowed in advance: a promotion, a standing approval, each by two of them.
    struct Autonomy: Codable, Sendable {
        struct Standing: Codable, Sendable {
            var patterns: [String]
            var actionClasses: [String]
            var targetLabels: [String]
            var maxTargets: Int
            var maxRunsPerHour: Int
            var days: Int64
            var isEmergency: Bool
        }

        /// The playbook's name.
        var playbook: String
        var live: Bool
        var standingApproval: Standing
    }

    struct CalendarItem: Codable, Sendable {
        var kind: String
        var name: String
        var startsInMs: Int64
        var endsInMs: Int64
        var entities: [JSONValue]
    }

    /// What somebody does when the case is in a state.
    struct Deed: Codable, Sendable {
        var when: String
        /// A role of `access.json`.
        var `as`: String
        /// A path with `{case_id}`, `{run_id}`, `{approval_id}`.
        var post: String
        var body: JSONValue
    }

    /// How to find the story's case: alerts of a source that name an entity. Without it, its first alert is asked for.
    struct Search: Codable, Sendable {
        var source: String
        var entity: String
    }

    struct Expectation: Codable, Sendable {
        var outcome: String
        var requiredApprovals: Int?
        /// The states of the run's steps, in order of the plan.
        var steps: [String]?
        /// The name of a conflict that the gate cites.
        var conflict: String?
    }

    /// A near miss: the same story with something changed, which must end otherwise.
    struct Variant: Codable, Sendable {
        struct Edit: Codable, Sendable {
            var op: String
            var path: String
            var value: JSONValue?
        }

        var name: String
        /// Text for text, anywhere in the story: other names, so that it is a case of its own.
        var replace: [String: String]
        /// JSON Patch (RFC 6902): `add`, `remove`, `replace`, applied after the texts.
        var edits: [Edit]
        var expect: Expectation
    }

    var story: String
    var title: String
    var teaches: String
    var assets: [JSONValue]
    var history: [History]
    /// Objects of the lab by kind and id.
    var lab: [String: [String: JSONValue]]
    var autonomy: [Autonomy]?
    var calendar: [CalendarItem]?
    var alerts: [TimedAlert]?
    var telemetry: [Telemetry]?
    var find: Search?
    var then: [Deed]?
    var expect: Expectation
    var variants: [Variant]?
    /// The name of the variant that this is; `nil` for the story itself.
    var variant: String?

    static func all() throws -> [Story] {
        try Content.stories.map { try JSONValue.parse($0.text).decode() }
    }

    /// - Parameters:
    ///   - names: story letters, separated by commas; `nil` for all.
    ///   - withVariants: each story is followed by its near misses.
    static func select(_ names: String?, withVariants: Bool) throws -> [Story] {
        let all = try Content.stories.map { (text: $0.text, story: try JSONValue.parse($0.text).decode() as Story) }
        var chosen = all
        if let names {
            chosen = try names.split(separator: ",").map { name in
                guard let found = all.first(where: { $0.story.story == name }) else {
                    throw CommandFailure(
                        "there is no story '\(name)'; there are \(all.map(\.story.story).joined(separator: ", "))")
                }
                return found
            }
        }
        guard withVariants else { return chosen.map(\.story) }
        return try chosen.flatMap { found in
            [found.story] + (try (found.story.variants ?? []).map { try $0.story(from: found.text) })
        }
    }
}
