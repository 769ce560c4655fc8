package import JSON

/// Turns the payloads of old schema versions into those of newer ones, as they are read. What is stored never changes.
package struct Upcasters: Sendable {
    package typealias Upcast = @Sendable (JSONValue) throws -> JSONValue

    private struct Key: Hashable {
        let type: String
        let version: Int32
    }

    private var steps: [Key: Upcast] = [:]

    package init() {}

    /// Registers the step from one schema version of a type to the next.
    package mutating func register(_ type: String, from version: Int32, _ upcast: @escaping Upcast) {
        steps[Key(type: type, version: version)] = upcast
    }

    /// Whether a payload of this version is not in its newest form.
    func knows(_ type: String, _ version: Int32) -> Bool {
        !steps.isEmpty && steps[Key(type: type, version: version)] != nil
    }

    /// The newest form of a payload, step by step.
    func apply(_ type: String, _ version: Int32, _ data: JSONValue) throws -> (version: Int32, data: JSONValue) {
        var (version, data) = (version, data)
        while let step = steps[Key(type: type, version: version)] {
            data = try step(data)
            version += 1
        }
        return (version, data)
    }
}
