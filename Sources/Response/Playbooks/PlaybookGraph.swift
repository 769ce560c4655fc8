import JSON

/// A workflow as a graph: is it acyclic, is every step reachable, in which order do its actions come.
///
/// A branch (of `parallel`, `if-condition`, `switch-condition`) ends in its own end step and then returns to the step
/// that opened it, which goes on with its own `on_completion` (CACAO §4.6 to 4.9). For the order that is an edge from
/// the branch's end to that continuation.
struct PlaybookGraph {
    private(set) var problems: [PlaybookProblem] = []
    private(set) var actionOrder: [String] = []
    private(set) var dependencies: [String: [String]] = [:]
    private let steps: [String: PlaybookStep]

    init(steps: [String: PlaybookStep], start: String, exception: String?) {
        self.steps = steps
        findCycles()
        guard problems.isEmpty else { return }
        findUnreachable(from: [start] + (exception.map { [$0] } ?? []))
        checkParallelBranches()
        guard problems.isEmpty else { return }
        order()
    }

    private static func edges(of step: PlaybookStep) -> [(member: String, to: String)] {
        var edges: [(String, String)] = []
        if let to = step.onCompletion { edges.append(("on_completion", to)) }
        if let to = step.onSuccess { edges.append(("on_success", to)) }
        if let to = step.onFailure { edges.append(("on_failure", to)) }
        let member =
            switch step.body {
            case .parallel: "next_steps"
            case .switchCondition: "cases"
            default: "on_true"
            }
        return edges + step.branches.map { (member, $0) }
    }

    private mutating func note(_ step: String, _ member: String?, _ code: String, _ detail: String) {
        let pointer = JSONPointer(tokens: ["workflow", step] + (member.map { [$0] } ?? []))
        problems.append(PlaybookProblem(pointer: pointer.description, code: code, detail: detail))
    }

    /// Depth first, without recursion: a workflow may be as long as its file.
    private mutating func findCycles() {
        var isDone: [String: Bool] = [:]
        for root in steps.keys.sorted() where isDone[root] == nil {
            var path: [(id: String, edges: ArraySlice<(member: String, to: String)>)] = []
            isDone[root] = false
            path.append((root, (steps[root].map(Self.edges) ?? [])[...]))
            while let last = path.indices.last {
                guard let edge = path[last].edges.popFirst() else {
                    isDone[path[last].id] = true
                    path.removeLast()
                    continue
                }
                switch isDone[edge.to] {
                case .some(true): break
                case .some(false):
                    note(path[last].id, edge.member, "cycle", "leads back to \(edge.to), which leads here")
                case .none:
                    guard let next = steps[edge.to] else { break }
                    isDone[edge.to] = false
                    path.append((edge.to, Self.edges(of: next)[...]))
                }
            }
        }
    }

    private func reachable(from roots: [String]) -> Set<String> {
        var found = Set(roots)
        var open = roots
        while let id = open.popLast() {
            for edge in steps[id].map(Self.edges) ?? [] where found.insert(edge.to).inserted { open.append(edge.to) }
        }
        return found
    }

    private mutating func findUnreachable(from roots: [String]) {
        let found = reachable(from: roots)
        for id in steps.keys.sorted() where !found.contains(id) {
            note(id, nil, "unreachable", "no way leads to this step")
        }
    }

    /// A step in two branches of one `parallel` would run twice.
    private mutating func checkParallelBranches() {
        for (id, step) in steps.sorted(by: { $0.key < $1.key }) {
            guard case .parallel(let branches) = step.body else { continue }
            var seen: Set<String> = []
            for branch in branches {
                let own = reachable(from: [branch])
                if !seen.isDisjoint(with: own) {
                    note(id, "next_steps", "shared-branch", "parallel branches share a step or an end")
                    break
                }
                seen.formUnion(own)
            }
        }
    }

    private mutating func order() {
        var successors: [String: Set<String>] = [:]
        for (id, step) in steps {
            successors[id, default: []].formUnion(Self.edges(of: step).map(\.to))
            guard let next = step.next else { continue }
            for end in reachable(from: step.branches) {
                if case .end? = steps[end]?.body { successors[end, default: []].insert(next) }
            }
        }
        var waiting: [String: Int] = [:]
        for targets in successors.values { for target in targets { waiting[target, default: 0] += 1 } }
        var ready = Set(steps.keys.filter { waiting[$0] == nil })
        var before: [String: Set<String>] = [:]
        var count = 0
        while let id = ready.min() {
            ready.remove(id)
            count += 1
            let isAction = steps[id]?.isAction == true
            if isAction {
                actionOrder.append(id)
                dependencies[id] = (before[id] ?? []).sorted()
            }
            let carried = isAction ? [id] : before[id] ?? []
            for next in successors[id] ?? [] {
                before[next, default: []].formUnion(carried)
                waiting[next, default: 0] -= 1
                if waiting[next] == 0 { ready.insert(next) }
            }
        }
        if count < steps.count {
            problems.append(
                PlaybookProblem(
                    pointer: "/workflow", code: "end-not-unique",
                    detail: "a branch ends in a step that also ends what follows it; each branch needs its own end step"
                ))
        }
    }
}
