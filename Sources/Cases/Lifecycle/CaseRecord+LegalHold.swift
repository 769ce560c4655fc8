import Events

/// Legal hold is orthogonal to the life of a case: any case can be held, a closed one too, and it goes on as before. What
/// it forbids is erasure.
extension CaseRecord {
    /// - Throws: `illegalTransition` when it is held already.
    package func placeLegalHold(reason: String, by permit: Permit<LeadCases>) throws(Rejection) -> [Decision] {
        guard !legalHold else { throw illegalHold("legal_hold", other: "release_legal_hold") }
        return [Decision(type: .legalHoldPlaced, ReasonGiven(reason: reason))]
    }

    /// - Throws: `illegalTransition` when it is not held.
    package func liftLegalHold(reason: String, by permit: Permit<LeadCases>) throws(Rejection) -> [Decision] {
        guard legalHold else { throw illegalHold("release_legal_hold", other: "legal_hold") }
        return [Decision(type: .legalHoldLifted, ReasonGiven(reason: reason))]
    }

    private func illegalHold(_ command: String, other: String) -> Rejection {
        .illegalTransition(
            state: state, command: command, allowed: (TransitionTable.allowed(in: state) + [other]).sorted())
    }
}
