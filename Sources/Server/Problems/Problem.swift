import Events
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// A refusal on its way to the client: an RFC 9457 problem document.
///
/// `detail` says what is wrong and what to do. It never holds SQL, a stack trace, a secret, or another tenant's id.
struct Problem: Error, Sendable {
    var type: ProblemType
    var detail: String
    var errors: [FieldError]
    /// Members of this type of problem, such as `current_version`.
    var members: [String: JSONValue]
    var headers: HTTPFields
    /// For a 503: why, so that it can be told what is known of this request.
    var unavailability: Unavailability?

    init(
        _ type: ProblemType, _ detail: String, errors: [FieldError] = [], members: [String: JSONValue] = [:],
        headers: HTTPFields = [:]
    ) {
        self.type = type
        self.detail = detail
        self.errors = errors
        self.members = members
        self.headers = headers
    }

    static let unauthenticated = Problem(
        .unauthenticated, "Send a valid token as 'Authorization: Bearer …'; make one with 'docket token create'.",
        headers: [.wwwAuthenticate: "Bearer"])

    static func validation(_ errors: [FieldError]) -> Problem {
        let first = errors.first.map { " \($0.pointer.isEmpty ? "The body" : $0.pointer): \($0.detail)." } ?? ""
        return Problem(
            .validationFailed, "\(errors.count) member\(errors.count == 1 ? " is" : "s are") wrong.\(first)",
            errors: errors)
    }

    /// - Parameter instance: the path that was asked for.
    func document(instance: String, traceID: String) -> JSONValue {
        var document: [String: JSONValue] = [
            "type": .string(type.urn), "title": .string(type.title), "status": .integer(Int64(type.status)),
            "detail": .string(detail), "instance": .string(instance), "trace_id": .string(traceID),
            "errors": .array(errors.map(\.json)),
        ]
        for (name, value) in members { document[name] = value }
        return .object(document)
    }

    func response(instance: String, traceID: String) -> Response {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(
            status: HTTPResponse.Status(code: type.status), headers: headers,
            body: ResponseBody(
                byteBuffer: ByteBuffer(bytes: document(instance: instance, traceID: traceID).canonicalBytes())))
    }
}

extension FieldError {
    var json: JSONValue {
        [
            "pointer": .string(pointer), "code": .string(code.rawValue), "detail": .string(detail),
            "allowed": allowed.map { .array($0.map(JSONValue.string)) } ?? .null,
        ]
    }
}
