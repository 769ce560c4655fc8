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
        let text = Data(code).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        return ["$sealed": .integer(Int64(n)), "hmac": .string(text)]
    }

    static func escaped(_ value: JSONValue) throws(EventLogError) -> JSONValue {
        try renaming(value, depth: 0) { isReserved($0) ? "$" + $0 : $0 }
    }

    /// The data with markers replaced by what `open` gives for their numbers, the pointers of those places by number,
    /// and escaped names restored.
    static func opened(
        _ value: JSONValue, at pointer: JSONPointer, pointers: inout [Int32: JSONPointer],
        _ open: (Int32) throws(EventLogError) -> JSONValue
    ) throws(EventLogError) -> JSONValue {
        switch value {
        case .array(let elements):
            var result: [JSONValue] = []
            for (index, element) in elements.enumerated() {
                result.append(try opened(element, at: pointer.appending(String(index)), pointers: &pointers, open))
            }
            return .array(result)
        case .object(let members):
            if let n = members["$sealed"] {
                guard let number = n.int64Value, let n = Int32(exactly: number), pointers[n] == nil else {
                    throw EventLogError(.corrupt, "a malformed marker at \(pointer)")
                }
                pointers[n] = pointer
                return try open(n)
            }
            var result: [String: JSONValue] = [:]
            for (key, member) in members {
                let name = isReserved(key) ? String(key.dropFirst()) : key
                result[name] = try opened(member, at: pointer.appending(name), pointers: &pointers, open)
            }
            return .object(result)
        default:
            return value
        }
    }

    private static func isReserved(_ name: String) -> Bool {
        name.hasPrefix("$") && name.drop { $0 == "$" } == "sealed"
    }

    private static func renaming(
        _ value: JSONValue, depth: Int, _ rename: (String) -> String
    ) throws(EventLogError) -> JSONValue {
        guard depth <= Body.depthMaximum else {
            throw EventLogError(.malformed, "the event is nested deeper than \(Body.depthMaximum)")
        }
        switch value {
        case .array(let elements):
            var result: [JSONValue] = []
            result.reserveCapacity(elements.count)
            for element in elements { result.append(try renaming(element, depth: depth + 1, rename)) }
            return .array(result)
        case .object(let members):
            var result: [String: JSONValue] = [:]
            result.reserveCapacity(members.count)
            for (key, member) in members { result[rename(key)] = try renaming(member, depth: depth + 1, rename) }
            return .object(result)
        default:
            return value
        }
    }
}
