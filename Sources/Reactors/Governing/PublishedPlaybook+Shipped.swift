package import Cases
import JSON
import Response

extension PublishedPlaybook {
    /// The first version of a playbook that ships, as a new tenant is given it.
    /// - Parameter text: CACAO 2.0 as JSON.
    package init(shipped text: String) throws {
        let document = try JSONValue.parse(text)
        let playbook = try Playbook(document: document)
        self.init(
            playbookID: playbook.id, version: 1, digest: playbook.digest, name: playbook.name, mode: .assisted,
            patterns: (document["labels"]?.arrayValue ?? []).compactMap(\.stringValue), document: document)
    }
}
