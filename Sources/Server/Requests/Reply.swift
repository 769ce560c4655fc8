import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// An answer: canonical JSON, or bytes of their own kind. Kept as a value so that it can be stored for a repeated request.
struct Reply: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var bytes: [UInt8]
    /// Set for an answer that has no end.
    var stream: ResponseBody?
    /// Nothing personal in it, for sure: it may be kept through an erasure.
    var namesNobody = false

    init(_ status: HTTPResponse.Status = .ok, _ json: JSONValue, headers: HTTPFields = [:]) {
        self.status = status
        self.headers = headers
        self.headers[.contentType] = MediaType.json.description
        bytes = json.canonicalBytes()
    }

    init(_ status: HTTPResponse.Status = .ok, bytes: [UInt8], mediaType: String, headers: HTTPFields = [:]) {
        self.status = status
        self.headers = headers
        self.headers[.contentType] = mediaType
        self.bytes = bytes
    }

    init(stream: ResponseBody, mediaType: MediaType) {
        status = .ok
        headers = [.contentType: mediaType.description, .cacheControl: "no-store"]
        bytes = []
        self.stream = stream
    }

    /// One resource: its stream's version is its ETag.
    static func resource(
        _ json: JSONValue, version: Int64, status: HTTPResponse.Status = .ok, position: Int64? = nil
    ) -> Reply {
        var reply = Reply(status, json)
        reply.headers[.eTag] = EntityTag.strong(version).text
        return reply.at(position)
    }

    /// A list that is all on one page.
    static func list(_ items: [JSONValue], asOf position: Int64) -> Reply {
        Reply(
            .ok,
            [
                "items": .array(items), "next_cursor": .null, "has_more": false, "as_of_position": .integer(position),
            ])
    }

    /// With `Docket-Position`.
    func at(_ position: Int64?) -> Reply {
        var reply = self
        if let position { reply.headers[.docketPosition] = String(position) }
        return reply
    }

    var response: Response {
        Response(status: status, headers: headers, body: stream ?? ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
