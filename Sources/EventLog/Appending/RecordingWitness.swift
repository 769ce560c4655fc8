import Synchronization

/// Learns whether anything was recorded by the tasks that run under it, so that whoever must give up can say what is known.
///
///     let witness = RecordingWitness()
///     try await RecordingWitness.$current.withValue(witness) { … }
///     witness.hasRecorded
package final class RecordingWitness: Sendable {
    @TaskLocal package static var current: RecordingWitness?

    private let value = Atomic(false)

    package init() {}

    package var hasRecorded: Bool { value.load(ordering: .acquiring) }
    package func note() { value.store(true, ordering: .releasing) }
}
