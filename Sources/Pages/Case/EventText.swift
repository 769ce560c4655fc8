import Cases
import Events
import JSON

/// What an event says, in a sentence for people.
enum EventText {
    static func sentence(_ event: Event) -> String {
        let data = event.data
        func text(_ pointer: String) -> String? {
            data.at(pointer)?.stringValue ?? (isErased(pointer, in: event) ? "(erased)" : nil)
        }
        func count(_ pointer: String) -> Int { data.at(pointer)?.arrayValue?.count ?? 0 }
        func names(_ pointer: String) -> String {
            (data.at(pointer)?.arrayValue ?? []).compactMap(\.stringValue).map(Words.inline).joined(separator: ", ")
        }
        let reason = text("/reason")
        switch event.kind {
        case .caseOpened: return text("/title") ?? ""
        case .caseAlertLinked: return data["joined_during_run"] == true ? "While a run was under way." : ""
        case .caseEnriched:
            return
                "\(Words.plural(count("/entities"), "entity", "entities")), \(Words.plural(count("/evidence"), "piece")) of evidence, \(Words.plural(count("/missing_context"), "gap"))."
        case .caseCorrelated: return Words.plural(count("/attack_techniques"), "ATT&CK technique") + "."
        case .caseRecommended: return text("/recommendation/summary/text") ?? ""
        case .gateEvaluated:
            let signals = data.at("/gate/signals")?.arrayValue ?? []
            let passed = signals.count { $0["passed"] == true }
            return "\(passed) of \(signals.count) signals pass; \(Words.inline(text("/gate/decision") ?? ""))."
        case .caseEscalated:
            let reasons = names("/reasons")
            return [reasons.isEmpty ? "" : "Because of \(reasons).", text("/narrative") ?? ""]
                .filter { !$0.isEmpty }.joined(separator: "\n")
        case .approvalRequested:
            let people = data["required_approvals"]?.int64Value ?? 0
            return "Asks for \(people == 1 ? "one person" : "\(people) people")."
        case .approvalDecisionRefused:
            return [Words.sentence((text("/refusal") ?? "").replacing("-", with: "_")), reason ?? ""]
                .filter { !$0.isEmpty }.joined(separator: ": ")
        case .approvalInvalidated, .approvalExpired: return Words.sentence(text("/cause") ?? "")
        case .runStarted: return "\(Words.sentence(text("/mode") ?? "")), \(Words.inline(text("/trigger") ?? ""))."
        case .rollbackRequested: return "\(Words.sentence(text("/reason_code") ?? "")): \(reason ?? "")"
        case .stepFailed, .stepOutcomeUnknown: return text("/error/message") ?? text("/error/code") ?? ""
        case .caseAssigned: return text("/assignee/subject").map { "To \($0)." } ?? "To nobody."
        case .caseCommented: return text("/text") ?? ""
        case .caseClosed: return "\(Words.sentence(text("/verdict") ?? "")): \(reason ?? "")"
        case .evidenceAdded, .evidenceExpired:
            return Words.sentence(text("/item/kind") ?? text("/kind") ?? "")
        case .slaStarted:
            return
                "\(Words.sentence(text("/clock") ?? "")), within \(Words.duration(ms: data["target_ms"]?.doubleValue ?? 0))."
        case .slaAtRisk, .slaBreached, .slaMet, .slaPaused, .slaResumed, .slaCancelled, .slaRetargeted:
            return Words.sentence(text("/clock") ?? "")
        case .caseSeverityChanged:
            return data["severity_id"]?.int64Value.flatMap { Severity(id: Int($0)) }.map {
                Words.sentence($0.rawValue)
            } ?? ""
        case .caseRetitled: return text("/title") ?? ""
        case .subjectErased: return "What mentioned a person or a thing was made unreadable here."
        default: return reason ?? ""
        }
    }

    /// It was sealed, by itself or with what it is a part of, and reads `null` now.
    private static func isErased(_ pointer: String, in event: Event) -> Bool {
        event.sealed.contains { sealed in
            let place = "/data" + pointer
            return (place == sealed || place.hasPrefix(sealed + "/"))
                && event.data.at(String(sealed.dropFirst("/data".count)))?.isNull == true
        }
    }
}
