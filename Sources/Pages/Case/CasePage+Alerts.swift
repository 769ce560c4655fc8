import Cases
import Events
import JSON

import struct Foundation.UUID

/// Why each alert is here, and where else it would fit.
extension CasePage {
    func joining(_ alertID: String) -> JSONValue {
        guard let linked = record.alerts.first(where: { $0.alertID.lowercased == alertID }) else { return .null }
        let view = CaseAlertView(linked)
        let continued = view.joinedBy == .opened ? record.continues : nil
        let from = continued?.caseID ?? (view.joinedBy == .opened ? record.splitFrom : nil)
        return [
            "text": .string(text(view, continued)), "citations": citations.links([view.eventID]),
            "from": from.map { Self.link($0) } ?? .null,
            "also": .array(
                view.alsoFits.map { other in
                    var link = Self.link(other.caseID)
                    link["overlap"] = .string(Words.percent(other.overlapScore, digits: 0))
                    return link
                }),
        ]
    }

    private func text(_ view: CaseAlertView, _ continued: CaseOpened.Continuation?) -> String {
        let shared = view.sharedEntities.map { "\(Words.inline($0.type.rawValue)) \($0.value ?? "(erased)")" }
        let overlap = "overlap \(Words.percent(view.overlapScore ?? 0, digits: 0)) by \(shared.joined(separator: ", "))"
        switch view.joinedBy {
        case .opened:
            switch continued?.reason {
            case .maxAlerts: return "It opened this case, because the one that it fits has as many alerts as it may:"
            case .maxAge: return "It opened this case, because the one that it fits is as old as it may get:"
            case nil: return record.splitFrom == nil ? "It opened this case." : "It was split off from"
            }
        case .overlap: return "It joined with \(overlap)."
        case .tagged: return "It waited without a case, and was taken along with \(overlap)."
        case .merge: return "It came when its case was merged into this one."
        case .split: return "It was split off with the others."
        }
    }

    private static func link(_ id: UUID) -> JSONValue {
        [
            "href": .string("/cases/\(id.lowercased)"), "short_id": .string(Words.shortID(id.lowercased)),
        ]
    }
}
