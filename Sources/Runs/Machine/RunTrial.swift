import Events

/// What was tried for a step since the machine was made; nothing of it survives a crash, on purpose.
struct RunTrial: Sendable, Hashable {
    /// What is known of the act that `step.prepared` allows.
    enum Act: Sendable, Hashable {
        /// It may be under way: an earlier machine may have sent it, or its answer was lost.
        case unanswered(since: Instant)
        /// This machine prepared it and has not sent it: nothing can have come of it.
        case unsent
    }

    var act: Act
    /// A probe found nothing applied, or the last request was not sent: the same request may be sent again.
    var isFoundUnapplied = false
    /// When the newest probe was asked, and when the newest one that found nothing was.
    var probedAt: Instant?
    var unappliedAsOf: Instant?
    /// The retry is in the log.
    var mayActAgain = false
    /// What the other side said when it refused, while an earlier request under the same key may still be under way.
    var refusal: ConnectorError?
    var acts = 0
    var probes = 0
    var reads = 0
    var undo = UndoTrial()

    /// Counting begins anew.
    var forRollback: RunTrial {
        var trial = self
        trial.probes = 0
        trial.reads = 0
        trial.undo = UndoTrial()
        return trial
    }
}

struct UndoTrial: Sendable, Hashable {
    enum Phase: Sendable, Hashable {
        case probe, drift, act, confirm
        /// Given up in this attempt: nobody could be reached, or nobody can tell.
        case givenUp(RollbackEnded.Outcome)
    }

    var phase = Phase.probe
    var probes = 0
    var reads = 0
    var acts = 0
}
