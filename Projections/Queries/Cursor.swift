import Events
import Foundation
import JSON

/// Where a page ended: the sort key of its last row. The next page begins behind it, so rows that come or go meanwhile
/// neither repeat nor hide others.
struct Cursor: Hashable {
    /// Which list in which order; a cursor of another one is refused.
    var list: String
    var keys: [Int64]
    var id: UUID

    init(list: String, keys: [Int64], id: UUID) {
        self.list = list
        self.keys = keys
        self.id = id
    }

    /// - Throws: `malformedCursor` for any text that this list did not give out.
    init(_ text: String, list: String, keys count: Int) throws(ProjectionError) {
        var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        guard text.utf8.count < 512, let bytes = Data(base64Encoded: base64) else { throw Self.malformed }
        let json: JSONValue
        do {
            json = try JSONValue.parse(Array(bytes))
        } catch {
            throw Self.malformed
        }
        // Microseconds pass beyond what JSON numbers hold exactly, so keys are text.
        let keys = (json["k"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { Int64($0) } }
        guard json["l"]?.stringValue == list, keys.count == count, let id = json["i"]?.uuidValue else {
            throw Self.malformed
        }
        self.init(list: list, keys: keys, id: id)
    }

    var text: String {
        let json: JSONValue = [
            "l": .string(list), "k": .array(keys.map { .string(String($0)) }), "i": .string(id.lowercased),
        ]
        return Data(json.canonicalBytes()).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static var malformed: ProjectionError {
        ProjectionError(.malformedCursor, "the cursor is not one that this list gave out in this order")
    }
}
