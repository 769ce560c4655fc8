import Yams

/// The members beside the detection (rules specification 2.1 and its JSON schemas). They do not change what a rule holds
/// for, so what is wrong with them is no reason to refuse it.
extension DocumentLint {
    private static let statuses: Set = ["stable", "test", "experimental", "deprecated", "unsupported"]
    private static let relations: Set = ["derived", "obsolete", "merged", "renamed", "similar"]

    mutating func lookAtMembers(of document: Node) {
        guard let members = document.mapping else { return }
        func line(_ key: String) -> Int? { members[key]?.line ?? document.line }
        if let title = document.text("title"), title.count > 256 {
            warn(.metadata, "the title has more than 256 characters", at: line("title"))
        }
        if let id = document.text("id") {
            if !Self.isUUID(id) { warn(.metadata, "the id '\(id)' is no UUID", at: line("id")) }
        } else {
            let identity = document.text("name") == nil ? "title" : "name"
            warn(.metadata, "there is no id: its \(identity) tells it from others", at: document.line)
        }
        if let name = document.text("name"), name.count > 256 {
            warn(.metadata, "the name has more than 256 characters", at: line("name"))
        }
        if let status = document.text("status") {
            if !Self.statuses.contains(status) {
                warn(.metadata, "the status '\(status)' is not known", at: line("status"))
            } else if status == "unsupported" {
                warn(.metadata, "its author says that it cannot be used (status 'unsupported')", at: line("status"))
            }
        }
        if let taxonomy = document.text("taxonomy"), taxonomy != "sigma" {
            warn(
                .metadata, "the taxonomy '\(taxonomy)' is not translated: its names of fields are taken as they stand",
                at: line("taxonomy"))
        }
        if let text = document.text("description"), text.count > 65_535 {
            warn(.metadata, "the description has more than 65,535 characters", at: line("description"))
        }
        for key in ["date", "modified"] {
            if let date = document.text(key), !Self.isDate(date) {
                warn(.metadata, "'\(key)' is a date such as 2026-11-21, not '\(date)'", at: line(key))
            }
        }
        for key in ["references", "fields", "falsepositives", "tags", "scope"] { lookAtList(members[key], called: key) }
        for tag in members["tags"]?.sequence ?? [] where !Self.isTag(tag.scalar?.string ?? "") {
            warn(.metadata, "the tag '\(tag.scalar?.string ?? "?")' is not like 'attack.t1110'", at: tag.line)
        }
        lookAtRelated(members["related"])
        lookAtLogsource(members["logsource"])
    }

    private mutating func lookAtList(_ node: Node?, called name: String) {
        guard let node, !node.isNull else { return }
        guard let list = node.sequence else {
            // The JSON schemas let this one be a text.
            if name != "falsepositives" { warn(.metadata, "'\(name)' is not a list", at: node.line) }
            return
        }
        var seen: Set<String> = []
        for item in list {
            guard let text = item.scalar?.string else {
                warn(.metadata, "'\(name)' is a list of texts", at: item.line)
                continue
            }
            if !seen.insert(text).inserted { warn(.metadata, "'\(name)' has '\(text)' twice", at: item.line) }
        }
    }

    private mutating func lookAtRelated(_ node: Node?) {
        guard let node, !node.isNull else { return }
        guard let list = node.sequence else { return warn(.metadata, "'related' is not a list", at: node.line) }
        for item in list {
            if let id = item.text("id"), !Self.isUUID(id) {
                warn(.metadata, "the related id '\(id)' is no UUID", at: item.line)
            }
            guard item.text("id") != nil, let type = item.text("type"), Self.relations.contains(type) else {
                let types = Self.relations.sorted().joined(separator: ", ")
                warn(.metadata, "'related' has maps of an id and a type: \(types)", at: item.line)
                continue
            }
        }
    }

    private mutating func lookAtLogsource(_ node: Node?) {
        for key in ["category", "product", "service"] {
            guard let text = node?.text(key) else { continue }
            if text != text.lowercased() || text.contains(" ") {
                warn(
                    .metadata, "'\(key): \(text)' is written in lower case, with underscores for blanks",
                    at: node?.mapping?[key]?.line)
            }
        }
    }

    private static func isUUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }

    private static func isDate(_ text: String) -> Bool {
        text.utf8.count == 10 && WrittenDate(Array(text.utf8))?.value(of: .day) != nil
    }

    /// A namespace, a dot and the rest, of lower-case letters, digits, underscores and hyphens.
    private static func isTag(_ text: String) -> Bool {
        func isPlain(_ character: Character) -> Bool {
            character.isASCII && (character.isLowercase || character.isNumber || character == "_" || character == "-")
        }
        guard let dot = text.firstIndex(of: ".") else { return false }
        let rest = text[text.index(after: dot)...]
        return dot != text.startIndex && text[..<dot].allSatisfy(isPlain) && !rest.isEmpty
            && rest.allSatisfy { isPlain($0) || $0 == "." }
    }
}
