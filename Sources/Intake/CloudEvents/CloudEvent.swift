import Events
import Foundation
import JSON

/// Reads a CloudEvents 1.0 event in structured JSON whose data is a native alert or an OCSF finding.
///
/// `source` and `id` are unique together (CloudEvents §3.1), so they stand for the alert's own key where it has none.
/// All context attributes are kept under `unmapped.cloudevents`.
enum CloudEvent {
    static func read(_ value: JSONValue, report: inout IntakeReport) -> AlertDraft? {
        let root = JSONPointer(tokens: [])
        guard var reader = MemberReader(value, at: root, report: &report) else { return nil }
        let version = reader.text("specversion", upTo: 20, required: true, report: &report)
        if let version, version != "1.0" {
            report.error(root.appending("specversion"), .enum, "CloudEvents 1.0 is expected", allowed: ["1.0"])
        }
        let id = reader.text("id", upTo: IntakeLimits.sourceRef, required: true, report: &report)
        let source = reader.text("source", upTo: IntakeLimits.source, required: true, report: &report)
        let type = reader.text("type", upTo: 500, required: true, report: &report)
        let time = reader.instant("time", report: &report)?.1
        let dataType = reader.text("datacontenttype", upTo: 200, report: &report) ?? "application/json"
        report.source = source
        report.sourceRef = id
        if let source, source.hasControlCharacters {
            report.error(root.appending("source"), .format, "a source holds no control characters")
        }
        guard isJSON(dataType) else {
            report.error(root.appending("datacontenttype"), .format, "JSON data is expected, not \(dataType)")
            return nil
        }
        guard let (data, place) = data(&reader, report: &report) else { return nil }
        var context = value
        context["data"] = nil
        context["data_base64"] = nil
        // A wrong attribute of the envelope is told once, at its own place, not again as missing in the data.
        let envelopeTime = time ?? (value["time"]?.stringValue == nil ? nil : "1970-01-01T00:00:00Z")
        let defaults = AlertDefaults(source: source ?? "", sourceRef: id, occurredAt: envelopeTime)
        let draft =
            isOCSF(data, type: type, dataType: dataType)
            ? OCSFFinding.read(data, at: place, defaults: defaults, report: &report)
            : NativeAlert.read(data, at: place, defaults: defaults, report: &report)
        if report.source == "" { report.source = nil }
        report.keep(context, as: "cloudevents", from: root.appending("cloudevents"))
        return draft
    }

    /// `data`, or `data_base64` decoded (CloudEvents JSON format §3.1); both at once is an error.
    private static func data(
        _ reader: inout MemberReader, report: inout IntakeReport
    ) -> (JSONValue, JSONPointer)? {
        let place = reader.pointer.appending("data")
        let encodedPlace = reader.pointer.appending("data_base64")
        let data = reader.take("data")
        let encoded = reader.take("data_base64")
        switch (data, encoded) {
        case (let data?, nil):
            return (data, place)
        case (nil, .string(let text)?):
            guard let bytes = Data(base64Encoded: text) else {
                report.error(encodedPlace, .format, "Base64 (RFC 4648 §4) is expected")
                return nil
            }
            return AlertIntake.parse(Array(bytes), at: encodedPlace, report: &report).map { ($0, encodedPlace) }
        case (nil, let other?):
            report.error(encodedPlace, .type, "a string is expected, not \(other.typeName)")
        case (nil, nil):
            report.error(place, .required, "'data' is required: a native alert or an OCSF finding")
        case (_?, _?):
            report.error(encodedPlace, .format, "an event has 'data' or 'data_base64', not both")
        }
        return nil
    }

    /// RFC 6839: `application/json` and everything that ends in `+json`.
    private static func isJSON(_ mediaType: String) -> Bool {
        let essence = mediaType.prefix { $0 != ";" }.description.trimmed.lowercased()
        return essence.hasSuffix("/json") || essence.hasSuffix("+json")
    }

    private static func isOCSF(_ data: JSONValue, type: String?, dataType: String) -> Bool {
        data["class_uid"] != nil || dataType.lowercased().contains("ocsf") || (type ?? "").lowercased().contains("ocsf")
    }
}
