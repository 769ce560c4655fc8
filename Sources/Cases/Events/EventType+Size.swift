extension EventType {
    /// Bytes that an event of this type may have, where it is more than events have in general (256 KiB). `nil`: no more.
    ///
    /// Larger are only documents that people publish and what one record says, which are as large as the API takes them,
    /// what a connector told of the world, which is needed whole to undo an act, and lists whose length another limit
    /// bounds.
    package var bytesMaximum: Int? {
        switch self {
        case .playbookPublished, .rulePublished, .policyProposed, .calendarChanged, .modelCalled, .evidenceAdded,
            .detectionMatched, .correlationMatched:
            2 << 20
        case .runStarted, .stepPrepared, .stepExecuted, .stepVerified, .stepFailed, .stepRetried, .stepOutcomeUnknown,
            .stepSkipped, .stepRolledBack, .stepRollbackRefused, .rollbackRequested, .runFailed:
            4 << 20
        // As many items as a batch has, alerts as a case has.
        case .alertDeduplicated: 1 << 20
        case .caseMerged, .caseSplit: 512 << 10
        default: nil
        }
    }
}
