import JSON
import Mustache
import Synchronization

/// JSON as templates see it. `null`, an empty text and an empty list count as nothing, so `{{#title}}` asks the question
/// that a reader would ask; 0 is something.
///
/// A name that an object does not have is looked for further out, as Mustache does; models therefore name every member
/// that their template asks for.
struct PageNode: MustacheParent {
    private let members: [String: JSONValue]

    func child(named name: String) -> Any? {
        members[name].map { Self.value(of: $0) ?? PageNothing() }
    }

    static func value(of json: JSONValue) -> Any? {
        switch json {
        case .null: nil
        case .bool(let value): value
        case .integer(let value): String(value)
        case .number(let value): "\(value)"
        case .string(let value): value.isEmpty ? nil : value
        case .array(let elements): elements.isEmpty ? nil : elements.map { value(of: $0) ?? PageNothing() }
        case .object(let members): PageNode(members: members)
        }
    }
}

/// The whole model. It is asked last, so a name that it does not have is one that nobody has: a slip of the template or
/// of the model, which would otherwise show as nothing.
struct PageRoot: MustacheParent {
    private final class Names: Sendable {
        let missed = Mutex<Set<String>>([])
    }

    private let members: [String: JSONValue]
    private let names = Names()

    init(_ model: JSONValue) { members = model.objectValue ?? [:] }

    var missed: Set<String> { names.missed.withLock { $0 } }

    func child(named name: String) -> Any? {
        guard let member = members[name] else {
            names.missed.withLock { _ = $0.insert(name) }
            return nil
        }
        return PageNode.value(of: member) ?? PageNothing()
    }
}

/// Names that templates asked for and no model had, each told once: defects of a page that show as nothing on it.
///
/// Bounded, since the names are those of templates.
package final class PageSlips: Sendable {
    private struct State {
        var known: Set<String> = []
        var untold: [String] = []
    }

    private let state = Mutex(State())

    func note(_ names: Set<String>, in page: String) {
        guard !names.isEmpty else { return }
        state.withLock { state in
            for name in names.sorted() where state.known.insert("\(page): \(name)").inserted {
                state.untold.append("\(page): \(name)")
            }
        }
    }

    /// What is new since the last time.
    package func take() -> [String] {
        state.withLock { state in
            defer { state.untold = [] }
            return state.untold
        }
    }
}

/// A member that is there and says nothing: ends the search for its name.
struct PageNothing: MustacheCustomRenderable {
    var renderText: String { "" }
    var isNull: Bool { true }
}
