import Foundation
import JSON

/// What stands in a body in place of a sealed value: `{"$sealed": n, "hmac": "<base64url>"}`.
///
/// An event's own data could hold the same shape, sent by whoever wants to confuse the reader. So any member of the data
/// that is named `$sealed`, behind any number of further `$`, gets one more `$` on the way in and loses it on the way
/// out: in a stored body `$sealed` is always the log's own.
struct Marker {
    let n: Int32
    let code: [UInt8]

    var json: JSONValue {
        ["$sealed": .integer(Int64(n)), "hmac": .string(Self.base64URL(code))]
    }

    /// RFC 4648 §5, without padding.
    private static func base64URL(_ bytes: [UInt8]) -> String {
        var text = Array(Data(bytes).base64EncodedData())
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "+"): text[index] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): text[index] = UInt8(ascii: "_")
            default: break
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func escaped(_ value: JSONValue) throws(EventLogError) -> JSONValue {
        try escaping(value, depth: 0) ?? value
    }

    /// The data with markers replaced by what `open` gives for their numbers, the pointers of those places by number,
    /// and escaped names restored.
    static func opened(
        _ value: JSONValue, at pointer: JSONPointer, pointers: inout [Int32: JSONPointer],
        _ open: (Int32) throws(EventLogError) -> JSONValue
    ) throws(EventLogError) -> JSONValue {
        var path = pointer.tokens
        return try opening(value, &path, &pointers, open) ?? value
    }

    /// The value as it is read, or `nil` where nothing of it changes: most of an event is left as it stands.
    private static func opening(
        _ value: JSONValue, _ path: inout [String], _ pointers: inout [Int32: JSONPointer],
        _ open: (Int32) throws(EventLogError) -> JSONValue
    ) throws(EventLogError) -> JSONValue? {
        switch value {
        case .array(let elements):
            var result: [JSONValue]?
            for (index, element) in elements.enumerated() {
                guard element.isContainer else { continue }
                path.append(String(index))
                defer { path.removeLast() }
                guard let changed = try opening(element, &path, &pointers, open) else { continue }
                if result == nil { result = elements }
                result?[index] = changed
            }
            return result.map(JSONValue.array)
        case .object(let members):
            if let n = members["$sealed"] {
                let pointer = JSONPointer(tokens: path)
                guard let number = n.int64Value, let n = Int32(exactly: number), pointers[n] == nil else {
                    throw EventLogError(.corrupt, "a malformed marker at \(pointer)")
                }
                pointers[n] = pointer
                return try open(n)
            }
            var result: [String: JSONValue]?
            for (key, member) in members where member.isContainer {
                path.append(restored(key))
                defer { path.removeLast() }
                guard let changed = try opening(member, &path, &pointers, open) else { continue }
                if result == nil { result = members }
                result?[key] = changed
            }
            guard members.keys.contains(where: isReserved) else { return result.map(JSONValue.object) }
            return .object(renamed(result ?? members, restored))
        default:
            return nil
        }
    }

    /// The value as it is stored, or `nil` where nothing of it changes.
    private static func escaping(_ value: JSONValue, depth: Int) throws(EventLogError) -> JSONValue? {
        guard depth <= Body.depthMaximum else {
            throw EventLogError(.malformed, "the event is nested deeper than \(Body.depthMaximum)")
        }
        switch value {
        case .array(let elements):
            var result: [JSONValue]?
            for (index, element) in elements.enumerated() where element.isContainer {
                guard let changed = try escaping(element, depth: depth + 1) else { continue }
                if result == nil { result = elements }
                result?[index] = changed
            }
            return result.map(JSONValue.array)
        case .object(let members):
            var result: [String: JSONValue]?
            for (key, member) in members where member.isContainer {
                guard let changed = try escaping(member, depth: depth + 1) else { continue }
                if result == nil { result = members }
                result?[key] = changed
            }
            guard members.keys.contains(where: isReserved) else { return result.map(JSONValue.object) }
            return .object(renamed(result ?? members) { isReserved($0) ? "$" + $0 : $0 })
        default:
            return nil
        }
    }

    private static func restored(_ name: String) -> String { isReserved(name) ? String(name.dropFirst()) : name }

    private static func renamed(
        _ members: [String: JSONValue], _ rename: (String) -> String
    ) -> [String: JSONValue] {
        members.reduce(into: [:]) { $0[rename($1.key)] = $1.value }
    }

    private static func isReserved(_ name: String) -> Bool {
        name.utf8.first == UInt8(ascii: "$") && name.hasSuffix("sealed") && name.drop { $0 == "$" } == "sealed"
    }
}

extension JSONValue {
    /// An array or an object: what has values inside.
    fileprivate var isContainer: Bool {
        switch self {
        case .array, .object: true
        default: false
        }
    }
}
