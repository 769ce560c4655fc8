import JSON
import Runs

extension Template {
    /// What is wrong with the templates in a value, before anything is known.
    static func problems(of value: JSONValue, at pointer: JSONPointer) -> [PlaybookProblem] {
        switch value {
        case .array(let elements):
            return elements.enumerated().flatMap { problems(of: $1, at: pointer.appending(String($0))) }
        case .object(let members):
            let dollars = members.keys.filter { $0.hasPrefix("$") }
            var found: [PlaybookProblem] = []
            func note(_ detail: String) {
                found.append(PlaybookProblem(pointer: pointer.description, code: "template", detail: detail))
            }
            if !dollars.isEmpty {
                let allowed: Set<String> = members["$find"] != nil ? ["$find", "$where", "$else"] : ["$from", "$else"]
                if !Set(members.keys).isSubset(of: allowed) { note("a template has no other members") }
                let text = members["$from"]?.stringValue ?? members["$find"]?.stringValue
                if text.flatMap(ValueReference.init) == nil { note("'\(text ?? "")' names no value") }
                if members["$find"] != nil, members["$where"]?.objectValue == nil { note("$where is required") }
            }
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                found += problems(of: member, at: pointer.appending(name))
            }
            return found
        default: return []
        }
    }
}
