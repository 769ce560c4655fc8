import JSON

extension Story.Variant {
    /// The story that this variant is, made from the text of the original.
    func story(from text: String) throws -> Story {
        var text = text
        for (old, new) in replace.sorted(by: { $0.key < $1.key }) { text = text.replacing(old, with: new) }
        var json = try JSONValue.parse(text)
        for edit in edits { json = try edit.apply(to: json) }
        json["expect"] = try JSONValue(encoding: expect)
        json["variant"] = .string(name)
        return try json.decode()
    }
}

extension Story.Variant.Edit {
    /// RFC 6902, sections 4.1 to 4.3, as far as stories need it: the parent must be there.
    func apply(to document: JSONValue) throws -> JSONValue {
        guard let pointer = JSONPointer(path), let last = pointer.tokens.last else {
            throw CommandFailure("a story's edit has no path: '\(path)'")
        }
        let parentPointer = JSONPointer(tokens: pointer.tokens.dropLast())
        guard var parent = document.at(parentPointer) else {
            throw CommandFailure("a story's edit leads nowhere: \(path)")
        }
        if var elements = parent.arrayValue, let index = Int(last), elements.indices.contains(index) {
            switch op {
            case "remove": elements.remove(at: index)
            case "replace": elements[index] = value ?? .null
            default: elements.insert(value ?? .null, at: index)
            }
            parent = .array(elements)
        } else if var members = parent.objectValue, op == "add" || members[last] != nil {
            members[last] = op == "remove" ? nil : value ?? .null
            parent = .object(members)
        } else {
            throw CommandFailure("a story's edit leads nowhere: \(path)")
        }
        return parentPointer.tokens.isEmpty ? parent : document.replacing(at: parentPointer, with: parent)
    }
}
