import Content
import Detection
import Events
import Reactors

/// Rules that hold for every tenant: those that ship, and a directory of the server's. They stand in the system tenant's
/// log, so that every process, this one or another, knows them, and what they were at any time.
struct RulePacks: Sendable {
    static let shipped = "shipped"
    static let directory = "directory"

    let storage: Storage
    let store: RuleStore

    /// Writes what ships and is new in this build.
    func publishShipped() async throws {
        let documents = Content.rules.flatMap { SigmaDocument.documents(in: $0.text, file: $0.path) }
        let outcome = try await publisher.publish(documents, pack: Self.shipped, isComplete: true)
        guard outcome.refused.isEmpty else {
            throw CommandFailure("rules that ship cannot be loaded: \(outcome.refused.map(\.description))")
        }
    }

    /// Makes the directory's pack what lies below these paths; without any it is empty.
    func publishDirectories(_ paths: [String]) async throws -> RulePublisher.Outcome {
        try await publisher.publish(
            try RuleFiles.documents(at: paths), pack: Self.directory, isComplete: true)
    }

    private var publisher: RulePublisher {
        RulePublisher(store: store, tenant: SystemTenant.id, actor: .commandLine, clock: storage.clock)
    }
}
