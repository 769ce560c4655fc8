import Cases
import Events
import Foundation
import JSON
import Runs

/// The case as a picture: rule → alert → entity ← action ← playbook, in columns, laid out here so that a browser only
/// draws. Text stays text: nodes and labels go through the template like everything else.
struct CaseGraph {
    private struct Node {
        var id: String
        var column: Int
        var kind: String
        var label: String
        var row = 0
    }

    private static let columnWidth = 172
    private static let nodeWidth = 146
    private static let nodeHeight = 40
    private static let rowHeight = 54
    /// More would not be read; what is left out is counted.
    private static let columnMaximum = 12

    private var nodes: [Node] = []
    private var edges: [(from: String, to: String, label: String)] = []
    private var omitted: Set<String> = []

    init(_ page: CasePage) {
        for alert in page.alerts {
            let id = "alert:\(alert["id"]?.stringValue ?? "")"
            add(id, 1, "Alert", alert["title"]?.stringValue ?? "(erased)")
            if let rule = alert.at("/rule/name")?.stringValue ?? alert.at("/rule/uid")?.stringValue {
                add("rule:\(rule)", 0, "Rule", rule)
                link("rule:\(rule)", id, "raised")
            }
            for entity in alert["entities"]?.arrayValue ?? [] {
                guard let type = entity["type"]?.stringValue, let value = entity["value"]?.stringValue else { continue }
                add("entity:\(type):\(value)", 2, Words.sentence(type), value)
                link(id, "entity:\(type):\(value)", entity["role"]?.stringValue ?? "")
            }
        }
        for entity in page.record.entities {
            guard let value = entity.value else { continue }
            add("entity:\(entity.type.rawValue):\(value)", 2, Words.sentence(entity.type.rawValue), value)
        }
        let actions = page.record.approval?.actions ?? page.record.recommendation?.actions ?? []
        if let playbook = page.record.recommendation?.playbook, !actions.isEmpty {
            add("playbook", 4, "Playbook", page.playbookName ?? "Version \(playbook.version)")
        }
        for action in actions {
            let id = "action:\(action.stepID)"
            let state = page.record.run?.step(action.stepID)?.state.rawValue
            add(id, 3, state.map { "Action, \(Words.inline($0))" } ?? "Action", action.name)
            link(id, "playbook", "")
            for target in action.targets { link("entity:\(target.type.rawValue):\(target.value)", id, "target") }
        }
    }

    private mutating func add(_ id: String, _ column: Int, _ kind: String, _ label: String) {
        guard !nodes.contains(where: { $0.id == id }) else { return }
        let row = nodes.count { $0.column == column }
        guard row < Self.columnMaximum else {
            omitted.insert(id)
            return
        }
        nodes.append(Node(id: id, column: column, kind: kind, label: label, row: row))
    }

    private mutating func link(_ from: String, _ to: String, _ label: String) {
        guard !edges.contains(where: { $0.from == from && $0.to == to }) else { return }
        edges.append((from, to, label))
    }

    var model: JSONValue {
        guard !nodes.isEmpty else { return .null }
        let columns = Set(nodes.map(\.column)).sorted()
        let rows = columns.map { column in nodes.count { $0.column == column } }.max() ?? 1
        let height = rows * Self.rowHeight + 16
        let width = columns.count * Self.columnWidth - (Self.columnWidth - Self.nodeWidth) + 8
        func place(_ node: Node) -> (x: Int, y: Int) {
            let inColumn = nodes.count { $0.column == node.column }
            let offset = (rows - inColumn) * Self.rowHeight / 2
            return (
                4 + (columns.firstIndex(of: node.column) ?? 0) * Self.columnWidth,
                8 + offset + node.row * Self.rowHeight + (Self.rowHeight - Self.nodeHeight) / 2
            )
        }
        let places = Dictionary(nodes.map { ($0.id, place($0)) }, uniquingKeysWith: { first, _ in first })
        let drawn = edges.compactMap { edge -> JSONValue? in
            guard let from = places[edge.from], let to = places[edge.to] else { return nil }
            let start = (x: from.x + Self.nodeWidth, y: from.y + Self.nodeHeight / 2)
            let end = (x: to.x, y: to.y + Self.nodeHeight / 2)
            let middle = (start.x + end.x) / 2
            return [
                "path": .string("M\(start.x) \(start.y)C\(middle) \(start.y) \(middle) \(end.y) \(end.x) \(end.y)")
            ]
        }
        return [
            "width": .integer(Int64(width)), "height": .integer(Int64(height)),
            "view_box": .string("0 0 \(width) \(height)"), "edges": .array(drawn),
            "nodes": .array(
                nodes.map { node in
                    let (x, y) = place(node)
                    return [
                        "x": .integer(Int64(x)), "y": .integer(Int64(y)),
                        "width": .integer(Int64(Self.nodeWidth)), "inner_width": .string("\(Self.nodeWidth - 2).5"),
                        "kind": .string(node.kind), "label": .string(Self.cut(node.label)), "full": .string(node.label),
                        "tone": .string(["rule", "alert", "entity", "action", "playbook"][node.column]),
                    ]
                }),
            "told": .string(told), "omitted": omitted.isEmpty ? .null : .string("\(omitted.count) more not drawn."),
        ]
    }

    /// The same for whoever does not see the picture.
    private var told: String {
        let labels = Dictionary(nodes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return edges.compactMap { edge in
            guard let from = labels[edge.from], let to = labels[edge.to] else { return nil }
            return "\(from.kind) \(from.label) → \(to.kind) \(to.label)\(edge.label.isEmpty ? "" : " (\(edge.label))")"
        }.joined(separator: "; ")
    }

    private static func cut(_ label: String) -> String {
        label.count > 18 ? String(label.prefix(17)) + "…" : label
    }
}
