package import Events
package import JSON

/// One record of telemetry with the bytes that it was received in.
package struct RawRecord: Sendable, Hashable {
    /// Exactly as received: of a document with many records, the part that is this one.
    package var bytes: [UInt8]
    package var value: JSONValue
    /// `nil`: no known source.
    package var source: TelemetrySource?
}

/// Bytes that hold no record.
package struct BrokenRecord: Error, Sendable, Hashable {
    package var bytes: [UInt8]
    package var error: FieldError

    package init(bytes: [UInt8], error: FieldError) {
        self.bytes = bytes
        self.error = error
    }
}

/// Reads the records of one item, a line of NDJSON for example: mostly one; where a source packs many into a document
/// (`Records` of CloudTrail, the `items` of a Kubernetes EventList), each of them.
package enum TelemetryReader {
    /// Bytes that one record may have.
    package static let recordBytes = IntakeLimits.itemBytes

    /// - Parameter source: what the sender says; `nil` looks at the document itself.
    package static func records(
        in item: [UInt8], source: TelemetrySource?
    ) -> [Result<RawRecord, BrokenRecord>] {
        let document: JSONValue
        switch parse(item) {
        case .success(let value): document = value
        case .failure(let broken): return [.failure(broken)]
        }
        let found = source ?? SourceDetection.detect(document)?.source
        guard let list = found?.listMember, document[list]?.arrayValue != nil else {
            return [.success(RawRecord(bytes: item, value: document, source: found))]
        }
        do {
            var scanner = JSONBoundaryScanner(item, at: BatchReader.bodyStart(of: item))
            return try scanner.elements(ofMember: list).map { place in
                let bytes = Array(item[place])
                return parse(bytes).map { RawRecord(bytes: bytes, value: $0, source: found) }
            }
        } catch {
            let problem = FieldError("", .syntax, error.message)
            return [.failure(BrokenRecord(bytes: item, error: problem))]
        }
    }

    private static func parse(_ bytes: [UInt8]) -> Result<JSONValue, BrokenRecord> {
        func broken(_ code: FieldError.Code, _ reason: String) -> Result<JSONValue, BrokenRecord> {
            .failure(BrokenRecord(bytes: bytes, error: FieldError("", code, reason)))
        }
        do {
            let value = try JSONValue.parseEvidence(bytes).value
            guard value.objectValue != nil else { return broken(.type, "a record is an object, not \(value.typeName)") }
            return .success(value)
        } catch {
            let place = error.offset.map { " (byte \($0))" } ?? ""
            return broken(error.fieldCode, error.message + place)
        }
    }
}

extension TelemetrySource {
    /// The member of a document under which many records lie.
    var listMember: String? {
        switch self {
        case .cloudtrail: "Records"
        case .kubernetes: "items"
        case .windows, .sshd: nil
        }
    }

    /// The record as rules speak of it: a CloudTrail record may still stand under `event` or `detail`.
    package func subject(of record: JSONValue) -> JSONValue {
        guard self == .cloudtrail, record["eventName"] == nil else { return record }
        for name in ["event", "detail"] {
            if let inner = record[name], inner["eventName"] != nil { return inner }
        }
        return record
    }

    /// Members that name the program of a line of syslog.
    package static var sshdSigns: [String] { SSHDSource.programNames }

    /// Whether `extractedFields` ever gives any.
    package var extractsFields: Bool { self == .sshd }

    /// Fields that rules may ask for and that stand inside a text of the record only.
    ///
    /// Of sshd: `src_ip`, `src_port`, `user`, `auth_method`, as far as the message tells them.
    package func extractedFields(of record: JSONValue) -> [String: String] {
        guard self == .sshd else { return [:] }
        guard let text = ["message", "MESSAGE", "msg"].lazy.compactMap({ record[$0]?.stringValue }).first else {
            return [:]
        }
        let message = SSHDMessage(text)
        var fields: [String: String] = [:]
        fields["src_ip"] = message.address.map { IPAddress($0)?.text ?? $0 }
        fields["src_port"] = message.port
        fields["user"] = message.user
        fields["auth_method"] = message.method
        return fields
    }
}
