/// What ships as data: policies, playbooks, rules, stories. Each is found by its path below `Content/`.
package enum Content {
    /// The policy that a new tenant begins with, as JSON.
    package static var defaultPolicy: String { text("Policies/default.json") }

    /// CACAO playbooks, sorted by file name.
    package static var playbooks: [(path: String, text: String)] { files(below: "Playbooks/") }

    /// Demo stories, sorted by file name.
    package static var stories: [(path: String, text: String)] { files(below: "Stories/") }

    /// Sigma rules, sorted by file name.
    package static var rules: [(path: String, text: String)] { files(below: "Rules/") }

    private static func files(below folder: String) -> [(path: String, text: String)] {
        Documents.files.filter { $0.path.hasPrefix(folder) }
    }

    private static func text(_ path: String) -> String {
        guard let file = Documents.files.first(where: { $0.path == path }) else {
            preconditionFailure("\(path) is not embedded")
        }
        return file.text
    }
}
