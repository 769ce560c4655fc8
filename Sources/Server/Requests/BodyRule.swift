import Gzip
import HTTPTypes
import Hummingbird
import NIOCore

/// What a route takes as a body.
struct BodyRule: Sendable {
    enum Size: Sendable { case none, single, batch, telemetry }

    var size: Size
    var mediaTypes: [MediaType]

    static let none = BodyRule(size: .none, mediaTypes: [])
    static let command = BodyRule(size: .single, mediaTypes: [.json])

    func maximum(_ limits: RequestLimits) -> Int {
        switch size {
        case .none: 0
        case .single: limits.singleBytes
        case .batch: limits.batchBytes
        case .telemetry: limits.telemetryBytes
        }
    }
}

/// A body as received and decompressed.
struct RequestBytes: Sendable {
    var bytes: [UInt8]
    var mediaType: MediaType

    /// - Throws: `unsupported-media-type`, `body-too-large`, `malformed-body` for broken compression.
    static func read(
        _ request: Request, _ body: RequestBody, _ rule: BodyRule, _ limits: RequestLimits
    ) async throws -> RequestBytes {
        let mediaType = try mediaType(request.headers, rule)
        let maximum = rule.maximum(limits)
        let isCompressed = try isGzip(request.headers)
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maximum {
            throw tooLarge(maximum)
        }
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: maximum)
        } catch is NIOTooManyBytesError {
            throw tooLarge(maximum)
        }
        let bytes = Array(buffer.readableBytesView)
        guard isCompressed else { return RequestBytes(bytes: bytes, mediaType: mediaType) }
        do {
            let limits = Gzip.Limits(bytesMaximum: maximum, ratioMaximum: limits.compressionRatio)
            return RequestBytes(bytes: try Gzip.inflate(bytes, limits: limits), mediaType: mediaType)
        } catch {
            switch error.code {
            case .tooLarge: throw tooLarge(maximum)
            case .ratio:
                throw Problem(
                    .bodyTooLarge, "A body may grow at most \(limits.compressionRatio) times when it is expanded.")
            case .malformed, .truncated: throw Problem(.malformedBody, "The body is not the gzip that it claims to be.")
            case .resources: throw Problem.defect
            }
        }
    }

    private static func mediaType(_ headers: HTTPFields, _ rule: BodyRule) throws(Problem) -> MediaType {
        guard let text = headers[.contentType] else { return rule.mediaTypes.first ?? .json }
        let mediaType = MediaType(text)
        guard rule.mediaTypes.contains(mediaType) else {
            throw Problem(
                .unsupportedMediaType,
                "Send \(rule.mediaTypes.map(\.description).joined(separator: " or ")) as Content-Type.")
        }
        return mediaType
    }

    private static func isGzip(_ headers: HTTPFields) throws(Problem) -> Bool {
        switch headers[.contentEncoding]?.trimmed.lowercased() {
        case nil, "", "identity": return false
        case "gzip", "x-gzip": return true
        default: throw Problem(.unsupportedMediaType, "The only Content-Encoding that is read is gzip.")
        }
    }

    private static func tooLarge(_ maximum: Int) -> Problem {
        Problem(.bodyTooLarge, "This route takes at most \(maximum) bytes, counted after decompression.")
    }
}
