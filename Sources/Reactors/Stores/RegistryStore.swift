package import Cases
package import EventLog
import Events
import JSON
import Synchronization

package import struct Foundation.UUID

/// Each tenant's configuration, folded from the log and kept; only newer events are read again.
///
/// A process begins with the snapshot that the last one left (`StageMemories`), and folds what came since. Callers that
/// come while it is folded wait for that fold instead of doing it as well.
package final class RegistryStore: Sendable {
    package let log: EventLog
    private let defaultPolicy: Policy
    private let slots = Mutex<[UUID: Slot]>([:])

    private static let memoryName = "registry"
    /// So many events are folded again at most after a start, unless the process ended without warning.
    private static let eventsUnsaved = 5_000

    private struct Slot {
        var kept: Kept?
        /// The fold that is under way.
        var fold: Task<Void, any Error>?
    }

    private struct Kept: Sendable {
        var registry: Registry
        var ticket: StageMemories.Ticket
        /// Erasures before this position had happened when the first of its events was read.
        var readSince: Int64
        /// Events that were folded since the last snapshot.
        var unsaved = 0
    }

    /// - Parameter defaultPolicy: what holds for a tenant before its first approved policy.
    package init(log: EventLog, defaultPolicy: Policy) {
        self.log = log
        self.defaultPolicy = defaultPolicy
    }

    /// The configuration as of now: everything committed before the call is in it.
    package func registry(of tenant: UUID) async throws -> Registry {
        let from = slots.withLock { $0[tenant]?.kept?.registry.nextPosition ?? 0 }
        let (head, newest) = try await log.head(tenant: tenant, newestOf: Self.types, from: from)
        while true {
            if let registry = known(tenant, upTo: head, from: from, isUnchanged: newest == nil) { return registry }
            let fold = slots.withLock { slots in
                if let fold = slots[tenant]?.fold { return fold }
                // Awaited here and by all that come meanwhile; one caller's cancellation must not end it for the others.
                let fold = Task { try await self.advance(tenant, to: head) }
                slots[tenant, default: Slot()].fold = fold
                return fold
            }
            try await fold.value
        }
    }

    /// The configuration with everything recorded up to a position in it, and perhaps more: enough for what follows from
    /// the order of the log alone, and mostly without a look at the database.
    package func registry(of tenant: UUID, covering position: Int64) async throws -> Registry {
        let kept = slots.withLock { $0[tenant]?.kept?.registry }
        if let kept, kept.nextPosition > position { return kept }
        return try await registry(of: tenant)
    }

    private static let types = (Registry.eventTypes + [.subjectErased]).map(\.rawValue)

    /// - Parameter isUnchanged: nothing that concerns it was recorded from `from` on and before the head.
    private func known(_ tenant: UUID, upTo head: Int64, from: Int64, isUnchanged: Bool) -> Registry? {
        slots.withLock { slots in
            guard let next = slots[tenant]?.kept?.registry.nextPosition, next >= from else { return nil }
            if isUnchanged, next < head { slots[tenant]?.kept?.registry.nextPosition = head }
            guard isUnchanged || next >= head else { return nil }
            return slots[tenant]?.kept?.registry
        }
    }

    private func advance(_ tenant: UUID, to head: Int64) async throws {
        defer { slots.withLock { $0[tenant]?.fold = nil } }
        var kept: Kept
        if let known = slots.withLock({ $0[tenant]?.kept }) {
            kept = known
        } else {
            kept = try await begin(tenant)
            let fresh = kept
            slots.withLock { $0[tenant, default: Slot()].kept = fresh }
        }
        while kept.registry.nextPosition < head {
            let page = try await log.page(
                tenant: tenant, from: kept.registry.nextPosition, limit: 500, types: Self.types)
            let readSince = kept.readSince
            if page.events.contains(where: { $0.kind == .subjectErased && $0.position >= readSince }) {
                // What was folded before may name what was erased.
                slots.withLock { $0[tenant]?.kept = nil }
                kept = try await begin(tenant)
                continue
            }
            for event in page.events { try kept.registry.apply(event) }
            kept.registry.nextPosition = max(kept.registry.nextPosition, page.next)
            kept.unsaved += page.events.count
            let folded = kept
            slots.withLock { $0[tenant, default: Slot()].kept = folded }
        }
    }

    /// The newest snapshot, or nothing yet.
    private func begin(_ tenant: UUID) async throws -> Kept {
        let head = try await log.head(tenant: tenant)
        // What holds without an approved policy is part of what is kept.
        let policy = Digest.ofCanonical(try JSONValue(encoding: defaultPolicy))
        let ticket = try await log.memories.ticket(
            Self.memoryName, code: "\(Registry.snapshotCode)/\(policy.text)", tenant: tenant)
        let snapshot = try await log.memories.load(ticket, before: head)
        let registry =
            snapshot.flatMap { Self.registry(of: $0, tenant) } ?? Registry(tenant: tenant, policy: defaultPolicy)
        return Kept(registry: registry, ticket: ticket, readSince: head)
    }

    /// A snapshot that cannot be read is none: the log has everything that was in it.
    private static func registry(of snapshot: StageMemories.Snapshot, _ tenant: UUID) -> Registry? {
        do {
            return try Registry(snapshot: snapshot.parts, tenant: tenant, nextPosition: snapshot.nextPosition)
        } catch {
            return nil
        }
    }

    /// Keeps snapshots of the configurations that have changed much since the last one.
    ///
    /// - Parameter events: how much is much; with 1 every change is.
    package func saveSnapshots(after events: Int = eventsUnsaved) async throws {
        let changed = slots.withLock { slots in
            slots.compactMap { tenant, slot in slot.kept.flatMap { $0.unsaved >= events ? (tenant, $0) : nil } }
        }
        for (tenant, kept) in changed {
            // A large inventory is written when it has grown by a part of itself, and not for each change.
            guard kept.unsaved >= min(events * 20, kept.registry.assets.count / 10) else { continue }
            let isKept = try await log.memories.save(
                try kept.registry.snapshot(), before: kept.registry.nextPosition, kept.ticket)
            slots.withLock { slots in
                if isKept { slots[tenant]?.kept?.unsaved -= kept.unsaved }
            }
        }
    }
}
