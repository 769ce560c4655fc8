import Crypto
import Foundation
import HTTPTypes
import JSON

/// An answer as it is kept for a repeated request: status beside it, headers and body under AES-GCM.
struct SealedAnswer: Sendable {
    private static let keptHeaders: [HTTPField.Name] = [.contentType, .eTag, .location, .docketPosition]

    let key: [UInt8]

    func seal(_ reply: Reply) throws -> [UInt8] {
        var headers: [String: JSONValue] = [:]
        for name in Self.keptHeaders { headers[name.canonicalName] = reply.headers[name].map(JSONValue.string) }
        let head = JSONValue.object(headers).canonicalBytes()
        let plain = Data([UInt8(head.count >> 8), UInt8(head.count & 0xFF)] + head + reply.bytes)
        let sealed = try AES.GCM.seal(plain, using: SymmetricKey(data: key))
        return Array(sealed.combined ?? Data())
    }

    func open(status: Int, _ sealed: [UInt8]) throws -> Reply {
        let plain = Array(try AES.GCM.open(AES.GCM.SealedBox(combined: Data(sealed)), using: SymmetricKey(data: key)))
        let length = Int(plain[0]) << 8 | Int(plain[1])
        let head = try JSONValue.parse(Array(plain[2..<(2 + length)]))
        var reply = Reply(
            HTTPResponse.Status(code: status), bytes: Array(plain[(2 + length)...]), mediaType: "",
            headers: [.idempotencyReplayed: "true"])
        for name in Self.keptHeaders { reply.headers[name] = head[name.canonicalName]?.stringValue }
        return reply
    }
}
