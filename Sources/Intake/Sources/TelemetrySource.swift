package import JSON

/// A kind of raw telemetry that Docket reads.
package enum TelemetrySource: String, Sendable, Hashable, CaseIterable {
    /// AWS CloudTrail records.
    case cloudtrail
    /// Windows event logs and Sysmon as NXLog, Winlogbeat or a converter of EVTX write them.
    case windows
    /// Lines of the OpenSSH server in JSON.
    case sshd
    /// Audit events of a Kubernetes API server (audit.k8s.io/v1).
    case kubernetes

    /// The records that lie in one JSON document: the elements of `Records` (CloudTrail) or of an `EventList`'s `items`
    /// (Kubernetes), else the document itself.
    ///
    /// Hazard: a document of many records loses its outer members here; its bytes are the evidence that keeps them.
    package func records(in document: JSONValue) -> [JSONValue] {
        listMember.flatMap { document[$0]?.arrayValue } ?? [document]
    }
}

/// Which source a document comes from, and the sign by which it was told.
package struct SourceDetection: Sendable, Hashable {
    package var source: TelemetrySource
    /// A sentence for the operator, without any value of the document that could be personal.
    package var why: String

    /// Looks for what only one source has; the first sign counts.
    ///
    /// - Returns: `nil` when nothing tells, which is no reason to guess.
    package static func detect(_ document: JSONValue) -> SourceDetection? {
        kubernetes(document) ?? cloudTrail(document) ?? windows(document) ?? sshd(document)
    }

    private static func kubernetes(_ document: JSONValue) -> SourceDetection? {
        let version = document["apiVersion"]?.stringValue ?? document["items"]?[0]?["apiVersion"]?.stringValue ?? ""
        if version.hasPrefix("audit.k8s.io/") {
            let form = document["items"]?.arrayValue == nil ? "" : " in a list of events"
            return SourceDetection(source: .kubernetes, why: "apiVersion is \(version.truncated(to: 40))\(form)")
        }
        guard KubernetesSource.isEvent(document) else { return nil }
        return SourceDetection(source: .kubernetes, why: "kind is Event, with a verb and a user or an objectRef")
    }

    private static func cloudTrail(_ document: JSONValue) -> SourceDetection? {
        let places: [(JSONValue?, String)] = [
            (document, ""), (document["Records"]?[0], " in the elements of 'Records'"),
            (document["event"], " under 'event'"), (document["detail"], " under 'detail'"),
        ]
        for case (let record?, let place) in places where CloudTrailSource.isRecord(record) {
            return SourceDetection(source: .cloudtrail, why: "eventSource, eventName and userIdentity stand\(place)")
        }
        if document["Records"]?.arrayValue == [] {
            return SourceDetection(source: .cloudtrail, why: "an empty 'Records' is there")
        }
        return nil
    }

    private static func windows(_ document: JSONValue) -> SourceDetection? {
        guard let form = WindowsRecord.Form(document) else { return nil }
        return SourceDetection(source: .windows, why: form.sign)
    }

    private static func sshd(_ document: JSONValue) -> SourceDetection? {
        guard let name = SSHDSource.programNames.first(where: { SSHDSource.isServer(document[$0]) }),
            document["message"]?.stringValue != nil
        else { return nil }
        return SourceDetection(source: .sshd, why: "'\(name)' names sshd and 'message' is a text")
    }
}
