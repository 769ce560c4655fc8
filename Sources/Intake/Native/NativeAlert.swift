import Events
import JSON

/// Reads an alert in Docket's own form.
enum NativeAlert {
    static func read(
        _ value: JSONValue, at root: JSONPointer, defaults: AlertDefaults, report: inout IntakeReport
    ) -> AlertDraft? {
        guard var reader = MemberReader(value, at: root, report: &report) else { return nil }
        let source = source(&reader, default: defaults.source, report: &report)
        let sourceRef = reader.text("source_ref", upTo: IntakeLimits.sourceRef, report: &report) ?? defaults.sourceRef
        report.source = source
        report.sourceRef = sourceRef
        let title = reader.text("title", upTo: IntakeLimits.title, required: true, report: &report)
        let time = time(&reader, default: defaults.occurredAt, report: &report)
        let severity = severity(&reader, report: &report)
        var draft = AlertDraft(
            source: source ?? "", sourceRef: sourceRef, title: title ?? "",
            occurredAt: time?.0 ?? Instant(microseconds: 0), originalTime: time?.1 ?? "",
            severity: severity ?? .unknown)
        draft.confidenceScore = reader.integer("confidence_score", in: 0...100, report: &report)
        draft.pattern = reader.text("pattern", upTo: IntakeLimits.pattern, report: &report)
        draft.description = reader.text("description", upTo: IntakeLimits.description, report: &report)
        draft.sourceURL = sourceURL(&reader, report: &report)
        draft.rule = rule(&reader, root: root, report: &report)
        draft.attackTechniques = attackTechniques(&reader, report: &report)
        draft.entities = entities(&reader, root: root, report: &report)
        draft.evidence = evidence(&reader, root: root, report: &report)
        draft.environment =
            reader.choice("environment", of: DeploymentEnvironment.self, report: &report) ?? .unknown
        draft.region = reader.text("region", upTo: IntakeLimits.region, report: &report)
        unmapped(&reader, root: root, report: &report)
        draft.addFinding()
        return draft
    }

    private static func source(
        _ reader: inout MemberReader, default given: String?, report: inout IntakeReport
    ) -> String? {
        let place = reader.pointer.appending("source")
        guard
            let source = reader.text("source", upTo: IntakeLimits.source, required: given == nil, report: &report)
                ?? given
        else { return nil }
        guard !source.hasControlCharacters else {
            report.error(place, .format, "a source holds no control characters")
            return nil
        }
        return source
    }

    private static func time(
        _ reader: inout MemberReader, default given: String?, report: inout IntakeReport
    ) -> (Instant, String)? {
        let time = reader.instant("occurred_at", required: given == nil, report: &report)
        if let time { return time }
        return given.flatMap { text in Instant(rfc3339: text).map { ($0, text) } }
    }

    private static func severity(_ reader: inout MemberReader, report: inout IntakeReport) -> Severity? {
        let names = Severity.allCases.map(\.rawValue)
        let ids = Severity.allCases.map { String($0.id) }
        let place = reader.pointer.appending("severity")
        let idPlace = reader.pointer.appending("severity_id")
        let errorsBefore = report.errors.count
        let named = reader.choice("severity", of: Severity.self, report: &report)
        var numbered: Severity?
        if let id = reader.take("severity_id") {
            if let number = id.int64Value {
                numbered = Int(exactly: number).flatMap(Severity.init(id:))
                if numbered == nil { report.error(idPlace, .enum, "this is no OCSF severity_id", allowed: ids) }
            } else {
                report.error(idPlace, .type, "an integer is expected, not \(id.typeName)")
            }
        }
        if let named, let numbered, named != numbered {
            report.error(
                idPlace, .enum, "severity and severity_id contradict each other", allowed: [String(named.id)])
            return nil
        }
        if named == nil, numbered == nil, report.errors.count == errorsBefore {
            report.error(place, .required, "'severity' or 'severity_id' is required", allowed: names)
        }
        return named ?? numbered
    }

    private static func sourceURL(_ reader: inout MemberReader, report: inout IntakeReport) -> String? {
        guard let address = reader.text("source_url", upTo: IntakeLimits.sourceURL, report: &report) else {
            return nil
        }
        guard address.isHTTPSAddress else {
            report.error(
                reader.pointer.appending("source_url"), .format, "an https address without credentials is expected")
            return nil
        }
        return address
    }

    private static func rule(
        _ reader: inout MemberReader, root: JSONPointer, report: inout IntakeReport
    ) -> NormalizedAlert.Rule? {
        guard let value = reader.take("rule"),
            var inner = MemberReader(value, at: reader.pointer.appending("rule"), report: &report)
        else { return nil }
        let uid = inner.text("uid", upTo: IntakeLimits.ruleText, report: &report)
        let name = inner.text("name", upTo: IntakeLimits.ruleText, report: &report)
        inner.keepUnknown(under: root, report: &report)
        return uid == nil && name == nil ? nil : NormalizedAlert.Rule(uid: uid, name: name)
    }

    private static func attackTechniques(_ reader: inout MemberReader, report: inout IntakeReport) -> [String] {
        var techniques: [String] = []
        for (place, value) in reader.list("attack_techniques", upTo: IntakeLimits.attackTechniques, report: &report) {
            guard let text = value.stringValue else {
                report.error(place, .type, "a string is expected, not \(value.typeName)")
                continue
            }
            guard text.isAttackTechnique else {
                report.error(place, .format, "an ATT&CK technique such as T1059 or T1059.001 is expected")
                continue
            }
            if !techniques.contains(text) { techniques.append(text) }
        }
        return techniques
    }

    private static func entities(
        _ reader: inout MemberReader, root: JSONPointer, report: inout IntakeReport
    ) -> [Entity] {
        var entities: [Entity] = []
        var seen: Set<Entity> = []
        for (place, value) in reader.list("entities", upTo: IntakeLimits.entities, report: &report) {
            guard var inner = MemberReader(value, at: place, report: &report) else { continue }
            let type = inner.choice("type", of: Entity.EntityType.self, required: true, report: &report)
            let text = inner.text("value", upTo: IntakeLimits.entityValue, required: true, report: &report)
            let role = inner.choice("role", of: Entity.Role.self, report: &report) ?? .related
            inner.keepUnknown(under: root, report: &report)
            guard let type, let text else { continue }
            let entity = Entity(type: type, value: text, role: role)
            if seen.insert(entity).inserted { entities.append(entity) }
        }
        return entities
    }

    private static func evidence(
        _ reader: inout MemberReader, root: JSONPointer, report: inout IntakeReport
    ) -> [NormalizedAlert.EvidenceItem] {
        var items: [NormalizedAlert.EvidenceItem] = []
        for (place, value) in reader.list("evidence", upTo: IntakeLimits.evidence, report: &report) {
            guard var inner = MemberReader(value, at: place, report: &report) else { continue }
            let kind = inner.choice("kind", of: EvidenceKind.self, required: true, report: &report)
            let observedAt = inner.instant("observed_at", report: &report)?.0
            let data = inner.take("data")
            inner.keepUnknown(under: root, report: &report)
            guard let data else {
                report.error(place.appending("data"), .required, "'data' is required")
                continue
            }
            guard data.objectValue != nil else {
                report.error(place.appending("data"), .type, "an object is expected, not \(data.typeName)")
                continue
            }
            if let kind { items.append(.init(kind: kind, observedAt: observedAt, data: data)) }
        }
        return items
    }

    /// The sender's own `unmapped` goes first, so that its names stay; unknown members join it.
    private static func unmapped(_ reader: inout MemberReader, root: JSONPointer, report: inout IntakeReport) {
        let place = reader.pointer.appending("unmapped")
        if let value = reader.take("unmapped") {
            if let members = value.objectValue {
                for (name, member) in members { report.keep(member, as: name, from: place.appending(name)) }
            } else {
                report.error(place, .type, "an object is expected, not \(value.typeName)")
            }
        }
        reader.keepUnknown(under: root, report: &report)
        if report.unmapped.count > IntakeLimits.unmapped {
            report.error(place, .length, "more than \(IntakeLimits.unmapped) unknown members")
        }
    }
}
