import Content
import Foundation
import JSON

/// A demo story: an inventory, history, the state of the lab, alerts, and how it is expected to end. All of it is data
/// (`Content/Stories`); no code knows a story by name.
struct Story: Codable, Sendable {
    struct History: Codable, Sendable {
        /// The label of the playbook whose earlier decisions these are.
        var playbookLabel: String
        var n: Int
        var correct: Int
        var source: String
    }

    struct TimedAlert: Codable, Sendable {
        var afterMs: Int64
        var alert: JSONValue
    }

    struct Expectation: Codable, Sendable {
        var outcome: String
        var requiredApprovals: Int?
    }

    var story: String
    var title: String
    var teaches: String
    var assets: [JSONValue]
    var history: [History]
    /// Objects of the lab by kind and id.
    var lab: [String: [String: JSONValue]]
    var alerts: [TimedAlert]
    var expect: Expectation

    static func all() throws -> [Story] {
        try Content.stories.map { try JSONValue.parse($0.text).decode() }
    }

    /// - Parameter names: story letters, separated by commas; `nil` for all.
    static func select(_ names: String?) throws -> [Story] {
        let all = try all()
        guard let names else { return all }
        return try names.split(separator: ",").map { name in
            guard let story = all.first(where: { $0.story == name }) else {
                throw CommandFailure(
                    "there is no story '\(name)'; there are \(all.map(\.story).joined(separator: ", "))")
            }
            return story
        }
    }
}
