package import JSON

/// Names a value that is known at binding or only during the run.
///
/// | text | value | known |
/// |---|---|---|
/// | `evidence:KIND:/pointer` | the case's evidence of this kind; the first item that has the pointer | at binding |
/// | `entity:/type`, `entity:/value` | the entity acted on | at binding |
/// | `given:/pointer` | parameters that came with the request | at binding |
/// | `variable:__name__` | a CACAO variable's value; also `__name__:value` | at binding |
/// | `pre_state:/pointer` | the captured object | after capture |
/// | `parameters:/pointer`, `output:/pointer` | this step's own, for verifying and undoing | after the act |
/// | `step:ID:PART:/pointer` | `output`, `observed`, `pre_state` of an earlier step; also `step:ID:output.name` | in the run |
package enum ValueReference: Sendable, Hashable {
    package enum Part: String, Sendable {
        case output, observed, parameters
        case preState = "pre_state"
    }

    case evidence(kind: String, JSONPointer)
    case entity(JSONPointer)
    case given(JSONPointer)
    case variable(String)
    case preState(JSONPointer)
    case parameters(JSONPointer)
    case output(JSONPointer)
    case step(String, Part, JSONPointer)

    package init?(_ text: String) {
        if text.hasPrefix("__"), text.hasSuffix(":value") {
            self = .variable(String(text.dropLast(6)))
            return
        }
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "variable": self = .variable(String(rest))
        case "evidence":
            guard let second = rest.firstIndex(of: ":"),
                let pointer = JSONPointer(String(rest[rest.index(after: second)...]))
            else { return nil }
            self = .evidence(kind: String(rest[..<second]), pointer)
        case "step":
            guard let second = rest.firstIndex(of: ":") else { return nil }
            let tail = rest[rest.index(after: second)...]
            let name = tail.prefix { $0 != ":" && $0 != "." }
            guard let part = Part(rawValue: String(name)) else { return nil }
            let path = tail.dropFirst(name.count)
            let pointer =
                path.hasPrefix(".")
                ? JSONPointer(tokens: path.dropFirst().split(separator: ".").map(String.init))
                : JSONPointer(String(path.dropFirst()))
            guard let pointer else { return nil }
            self = .step(String(rest[..<second]), part, pointer)
        default:
            guard let pointer = JSONPointer(String(rest)) else { return nil }
            switch text[..<colon] {
            case "entity": self = .entity(pointer)
            case "given": self = .given(pointer)
            case "pre_state": self = .preState(pointer)
            case "parameters": self = .parameters(pointer)
            case "output": self = .output(pointer)
            default: return nil
            }
        }
    }
}
