/// Whether any event at all can be as a test wants it.
///
/// It says no only where it has a proof; a yes means that none was found. The proof is a contradiction between what must
/// hold in any case: alternatives that contradict it are crossed out until one is left, which then must hold too, or
/// none. Fields that may have several values in an event contradict little, since each value may answer another
/// question.
struct Satisfiability {
    /// Whether a field has at most one value in an event.
    let isSingle: (String) -> Bool

    /// Comparisons of two facts before it gives up, which means yes.
    private static let effort = 200_000

    func canHold(_ test: FieldTest) -> Bool {
        var state = State(isSingle: isSingle, effort: Self.effort)
        return state.assume([.of(test, isTrue: true)]) || state.effort <= 0
    }

    /// A test with its negations pushed down to single questions.
    private indirect enum Claim {
        case all([Claim])
        case any([Claim])
        case fact(Fact)

        static func of(_ test: FieldTest, isTrue: Bool) -> Claim {
            switch test {
            case .all(let parts):
                let claims = parts.map { of($0, isTrue: isTrue) }
                return isTrue ? .all(claims) : .any(claims)
            case .any(let parts):
                let claims = parts.map { of($0, isTrue: isTrue) }
                return isTrue ? .any(claims) : .all(claims)
            case .not(let inner): return of(inner, isTrue: !isTrue)
            case .field, .isNull, .exists, .sameAs, .keyword: return .fact(Fact(test: test, isTrue: isTrue))
            }
        }
    }

    private struct Fact {
        let test: FieldTest
        let isTrue: Bool

        /// The field that it is about; keywords are about none.
        var field: String {
            switch test {
            case .field(let name, _), .isNull(let name), .exists(let name), .sameAs(let name, _, _): name
            default: ""
            }
        }

        /// Whether it can hold for any event; nothing but a test of a value cannot.
        var isPossible: Bool {
            guard isTrue else { return true }
            switch test {
            case .field(_, let value), .keyword(let value): return value.isPossible
            default: return true
            }
        }

        func contradicts(_ other: Fact, isSingle: Bool) -> Bool {
            switch (test, isTrue, other.test, other.isTrue) {
            case (.field(_, let one), true, .field(_, let two), true): isSingle && one.excludes(two)
            case (.field(_, let one), true, .field(_, let two), false),
                (.field(_, let two), false, .field(_, let one), true),
                (.keyword(let one), true, .keyword(let two), false),
                (.keyword(let two), false, .keyword(let one), true):
                one.implies(two)
            case (.field, true, .isNull, true), (.isNull, true, .field, true), (.field, true, .exists, false),
                (.exists, false, .field, true), (.isNull, true, .isNull, false), (.isNull, false, .isNull, true),
                (.exists, true, .exists, false), (.exists, false, .exists, true), (.isNull, false, .exists, false),
                (.exists, false, .isNull, false), (.sameAs, true, .exists, false), (.exists, false, .sameAs, true):
                true
            case (.sameAs(_, let one, let oneCased), let isOne, .sameAs(_, let two, let twoCased), let isTwo):
                isOne != isTwo && one == two && oneCased == twoCased
            default: false
            }
        }
    }

    private struct State {
        let isSingle: (String) -> Bool
        var effort: Int
        var facts: [String: [Fact]] = [:]
        var choices: [[Claim]] = []

        /// Takes claims as true, together with all that was taken before.
        mutating func assume(_ claims: [Claim]) -> Bool {
            var open = claims
            while true {
                while let claim = open.popLast() {
                    switch claim {
                    case .all(let parts): open += parts
                    case .any(let parts):
                        guard parts.count != 1 else {
                            open.append(parts[0])
                            continue
                        }
                        if parts.isEmpty { return false }
                        choices.append(parts)
                    case .fact(let fact):
                        if !isConsistent(fact) { return false }
                        facts[fact.field, default: []].append(fact)
                    }
                }
                if effort <= 0 { return true }
                var left: [[Claim]] = []
                for choice in choices {
                    let kept = choice.filter { isConsistent($0) }
                    if kept.isEmpty { return false }
                    if kept.count == 1 { open.append(kept[0]) } else { left.append(kept) }
                }
                choices = left
                if open.isEmpty { return true }
            }
        }

        private mutating func isConsistent(_ fact: Fact) -> Bool {
            guard fact.isPossible else { return false }
            let single = isSingle(fact.field)
            for other in facts[fact.field] ?? [] {
                effort -= 1
                if effort <= 0 { return true }
                if fact.contradicts(other, isSingle: single) { return false }
            }
            return true
        }

        /// Whether an alternative is left open by the facts, and by itself.
        private mutating func isConsistent(_ claim: Claim) -> Bool {
            switch claim {
            case .fact(let fact): return isConsistent(fact)
            case .any(let parts):
                for part in parts where isConsistent(part) { return true }
                return false
            case .all(let parts):
                var inner = State(isSingle: isSingle, effort: effort, facts: facts)
                defer { effort = inner.effort }
                return inner.assume(parts)
            }
        }
    }
}
