import Events
import JSON

/// Reads a finding of OCSF 1.x: Detection Findings, and the other classes of the Findings category that carry a
/// finding.
///
/// What decides over the alert (product, uid, title, time, severity) must be right; everything else that is not valid
/// OCSF 1.9 is kept under `unmapped` and named, because a product's small mistake is no reason to lose its alert.
enum OCSFFinding {
    /// Security (deprecated), vulnerability, compliance, detection, incident, data security, application security
    /// posture and IAM analysis finding.
    static let classes: ClosedRange<Int64> = 2001...2008

    static func read(
        _ value: JSONValue, at root: JSONPointer, defaults: AlertDefaults, report: inout IntakeReport
    ) -> AlertDraft? {
        guard let original = value.objectValue else {
            report.error(root, .type, "an object is expected, not \(value.typeName)")
            return nil
        }
        guard checkClass(original, at: root, report: &report), checkVersion(original, at: root, report: &report) else {
            return nil
        }
        let members = OCSFUpgrade.upgraded(original)
        let infoName = original["finding_info"]?.objectValue == nil ? "finding" : "finding_info"
        guard let info = members["finding_info"]?.objectValue else {
            report.reason = "this OCSF finding carries no finding_info: only findings that do are alerts"
            report.error(root.appending("finding_info"), .required, "an object 'finding_info' is required")
            return nil
        }
        let infoPlace = root.appending(infoName)
        let essentials = OCSFEssentials(members: members, info: info, root: root, infoPlace: infoPlace)
        let source = essentials.source(default: defaults.source, report: &report)
        let sourceRef = essentials.sourceRef(default: defaults.sourceRef, report: &report)
        report.source = source
        report.sourceRef = sourceRef
        let title = essentials.title(report: &report)
        let time = essentials.time(default: defaults.occurredAt, report: &report)
        let severity = essentials.severity(report: &report)
        guard let source, let title, let time, let severity else { return nil }
        var draft = AlertDraft(
            source: source, sourceRef: sourceRef, title: title, occurredAt: time.0, originalTime: time.1,
            severity: severity.0, severityLabel: severity.1)
        readDetails(members, info: info, into: &draft, report: &report)
        keepFinding(members, into: &draft, root: root, report: &report)
        return draft
    }

    private static func checkClass(
        _ members: [String: JSONValue], at root: JSONPointer, report: inout IntakeReport
    ) -> Bool {
        let place = root.appending("class_uid")
        guard let value = members["class_uid"], !value.isNull else {
            report.error(place, .required, "an OCSF event has a 'class_uid'")
            return false
        }
        guard let uid = value.int64Value else {
            report.error(place, .type, "an integer is expected, not \(value.typeName)")
            return false
        }
        guard classes.contains(uid) else {
            let name = members["class_name"]?.stringValue.map { " (\($0.truncated(to: 100)))" } ?? ""
            report.reason =
                uid / 1_000 == 2
                ? "OCSF class \(uid)\(name) is a finding that is not supported"
                : "OCSF class \(uid)\(name) is telemetry and no finding: it belongs to /v1/telemetry"
            report.error(place, .enum, report.rejectionReason, allowed: classes.map { String($0) })
            return false
        }
        return true
    }

    private static func checkVersion(
        _ members: [String: JSONValue], at root: JSONPointer, report: inout IntakeReport
    ) -> Bool {
        let place = root.appending("metadata").appending("version")
        guard let version = members["metadata"]?["version"], !version.isNull else {
            report.error(place, .required, "an OCSF event names its version in metadata.version")
            return false
        }
        guard let text = version.stringValue else {
            report.error(place, .type, "a string is expected, not \(version.typeName)")
            return false
        }
        guard text == "1" || text.hasPrefix("1.") else {
            report.error(place, .format, "an OCSF version 1.x is expected, not \(text.truncated(to: 50))")
            return false
        }
        return true
    }

    private static func readDetails(
        _ members: [String: JSONValue], info: [String: JSONValue], into draft: inout AlertDraft,
        report: inout IntakeReport
    ) {
        if let score = members["confidence_score"], !score.isNull {
            if let number = score.int64Value, (0...100).contains(number) {
                draft.confidenceScore = Int(number)
            } else {
                report.warn("confidence_score: 0 to 100 is expected; left out")
            }
        }
        draft.description = (info["desc"]?.stringValue ?? members["message"]?.stringValue).flatMap { text in
            if text.characterCount > IntakeLimits.description { report.warn("the description is cut off") }
            return text.isEmpty ? nil : text.truncated(to: IntakeLimits.description)
        }
        if let address = info["src_url"]?.stringValue, !address.isEmpty {
            if address.isHTTPSAddress, address.characterCount <= IntakeLimits.sourceURL {
                draft.sourceURL = address
            } else {
                report.warn("finding_info.src_url is no https address; it stands in the OCSF finding only")
            }
        }
        let uid = info["analytic"]?["uid"]?.identifierText?.truncated(to: IntakeLimits.ruleText)
        let name = info["analytic"]?["name"]?.identifierText?.truncated(to: IntakeLimits.ruleText)
        if uid != nil || name != nil { draft.rule = NormalizedAlert.Rule(uid: uid, name: name) }
        draft.attackTechniques = techniques(info)
        draft.region = region(members, report: &report)
        for tag in info["tags"]?.arrayValue ?? [] {
            guard let value = tag["value"]?.stringValue, !value.isEmpty else { continue }
            switch tag["name"]?.stringValue {
            case FindingTag.pattern: draft.pattern = value.truncated(to: IntakeLimits.pattern)
            case FindingTag.environment: draft.environment = DeploymentEnvironment(rawValue: value) ?? .unknown
            default: break
            }
        }
        draft.evidence = evidence(members, observedAt: draft.occurredAt, report: &report)
    }

    private static func techniques(_ info: [String: JSONValue]) -> [String] {
        var techniques: [String] = []
        for attack in info["attacks"]?.arrayValue ?? [] {
            let uid = attack["sub_technique"]?["uid"]?.stringValue ?? attack["technique"]?["uid"]?.stringValue
            guard let uid, uid.isAttackTechnique, !techniques.contains(uid) else { continue }
            if techniques.count < IntakeLimits.attackTechniques { techniques.append(uid) }
        }
        return techniques
    }

    private static func region(_ members: [String: JSONValue], report: inout IntakeReport) -> String? {
        guard let region = members["cloud"]?["region"]?.stringValue, !region.isEmpty else { return nil }
        guard region.characterCount <= IntakeLimits.region else {
            report.warn("cloud.region is longer than \(IntakeLimits.region) characters; left out")
            return nil
        }
        return region
    }

    private static func evidence(
        _ members: [String: JSONValue], observedAt: Instant, report: inout IntakeReport
    ) -> [NormalizedAlert.EvidenceItem] {
        var data = members["evidences"]?.arrayValue?.filter { $0.objectValue != nil } ?? []
        if let raw = members["raw_data"], !raw.isNull { data.append(["raw_data": raw]) }
        if data.count > IntakeLimits.evidence {
            report.warn("\(data.count) evidences: the first \(IntakeLimits.evidence) are evidence of the alert")
        }
        return data.prefix(IntakeLimits.evidence).map { .init(kind: .rawEvent, observedAt: observedAt, data: $0) }
    }

    /// The finding itself: its valid part for the OCSF output, the rest for `unmapped`.
    private static func keepFinding(
        _ members: [String: JSONValue], into draft: inout AlertDraft, root: JSONPointer, report: inout IntakeReport
    ) {
        if members["cloud"]?.objectValue != nil { draft.profiles.insert("cloud") }
        if members["actor"]?.objectValue != nil || members["device"]?.objectValue != nil {
            draft.profiles.insert("host")
        }
        let fit = OCSFObject.detectionFinding.fit(.object(members), profiles: draft.profiles)
        draft.finding = fit.kept?.objectValue ?? [:]

        var collector = OCSFEntityCollector()
        collector.collect(finding: members)
        draft.entities = collector.found.map(\.entity)
        if collector.leftOut > 0 {
            report.warn("\(collector.leftOut) more entities stand in the OCSF finding only")
        }
        let shown = Set((draft.finding["observables"]?.arrayValue ?? []).compactMap { $0["value"]?.stringValue })
        let missing = collector.found.filter { !shown.contains($0.entity.value) }.map {
            ObservableType($0.entity).observable($0.entity.value, at: $0.path)
        }
        if !missing.isEmpty {
            draft.finding["observables"] = .array((draft.finding["observables"]?.arrayValue ?? []) + missing)
        }
        let rest = OCSFUpgrade.withoutDerived(fit.rest?.objectValue ?? [:], of: draft)
        keepRest(rest, root: root, report: &report)
    }

    private static func keepRest(_ rest: [String: JSONValue], root: JSONPointer, report: inout IntakeReport) {
        if let own = rest["unmapped"] {
            for (name, value) in own.objectValue ?? ["unmapped": own] {
                report.keep(value, as: name, from: root.appending("unmapped").appending(name))
            }
        }
        let names = rest.keys.filter { $0 != "unmapped" }.sorted()
        for name in names { report.keep(rest[name] ?? .null, as: name, from: root.appending(name)) }
        if !names.isEmpty {
            let shown = names.prefix(50).map { $0.truncated(to: 100) }.joined(separator: ", ")
            report.warn("kept under unmapped, wholly or in part: \(shown)\(names.count > 50 ? ", …" : "")")
        }
        if report.unmapped.count > IntakeLimits.unmapped {
            report.error(root, .length, "more than \(IntakeLimits.unmapped) members have no place in OCSF 1.9")
        }
    }
}

extension JSONValue {
    /// A name or an id: text, or a whole number as its digits. Empty text is none.
    var identifierText: String? {
        switch self {
        case .string(let text): text.isEmpty ? nil : text
        case .integer(let number): String(number)
        default: nil
        }
    }
}
