import HTTPTypes

/// A media type without its parameters, in lower case (RFC 9110 §8.3.1).
struct MediaType: Sendable, Hashable, CustomStringConvertible {
    let description: String

    init(_ text: some StringProtocol) {
        description = String(text.prefix { $0 != ";" }).trimmed.lowercased()
    }

    static let json = MediaType("application/json")
    static let ndjson = MediaType("application/x-ndjson")
    static let yaml = MediaType("application/yaml")
    static let cloudEvent = MediaType("application/cloudevents+json")
    static let cloudEventBatch = MediaType("application/cloudevents-batch+json")
    static let ocsf = MediaType("application/vnd.ocsf+json")
    static let html = MediaType("text/html")
    static let form = MediaType("application/x-www-form-urlencoded")
    static let eventStream = MediaType("text/event-stream")

    /// The first of these that the sender takes, in their own order unless the sender names one exactly.
    ///
    /// - Throws: `not-acceptable`, 406.
    static func negotiate(_ headers: HTTPFields, among offered: [MediaType]) throws(Problem) -> MediaType {
        guard let accept = headers[.accept], !accept.trimmed.isEmpty, let first = offered.first else {
            return offered.first ?? .json
        }
        let ranges = accept.split(separator: ",").filter { !$0.replacing(" ", with: "").hasSuffix(";q=0") }.map {
            MediaType($0)
        }
        if let exact = offered.first(where: ranges.contains) { return exact }
        let isWide = ranges.contains { range in
            range.description == "*/*"
                || (range.description.hasSuffix("/*") && first.description.hasPrefix(range.description.dropLast()))
        }
        guard isWide else {
            throw Problem(
                .notAcceptable, "This route answers \(offered.map(\.description).joined(separator: " or ")).")
        }
        return first
    }
}
