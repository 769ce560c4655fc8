import EventLog
import Events
import Postgres
import Synchronization

import struct Foundation.UUID

extension ProjectionWorker {
    /// Nothing goes on at this position: the event's stream is set aside, or the projection stands still where that would
    /// hide a fault of the log or of the projection.
    func stop(
        _ projection: any Projection, _ tenant: UUID, _ place: ProjectionPlace, _ standstill: Standstill
    ) async throws(ProjectionError) -> ProjectionStep {
        guard standstill.isOfTheEvent, let culprit = standstill.culprit, culprit.position == place.next,
            place.marks.count < ProjectionMark.maximum
        else { return try await block(projection, tenant, place, standstill) }
        let now = clock()
        let mark = ProjectionMark(
            culprit, projection: projection.name, version: place.set.version, tenant: tenant,
            reason: standstill.reason, since: now,
            dueAt: now.adding(milliseconds: ProjectionMark.pauseMs(after: 1)))
        do {
            let batch = ProjectionBatch(tenant: tenant, events: [], cases: [])
            let isWritten = try await write(batch, into: projection, place, next: place.next + 1) {
                tx throws(PostgresError) in try mark.write(in: tx)
            }
            if isWritten { tried.insert(mark) }
            return isWritten ? .setAside(mark, head: place.head) : .leased
        } catch {
            throw ProjectionError(.database, "that a stream is set aside cannot be recorded", cause: error)
        }
    }

    /// Tries again what is set aside: the whole stream up to the projection's position, in order.
    func retry(
        _ mark: ProjectionMark, of projection: any Projection, _ tenant: UUID, _ place: inout ProjectionPlace
    ) async throws(ProjectionError) {
        var mark = mark
        tried.insert(mark)
        do {
            let batch = try await whole(mark, of: projection, tenant, upTo: place.next - 1)
            let lifted = mark
            let isWritten = try await write(batch, into: projection, place, next: place.next) {
                tx throws(PostgresError) in try lifted.remove(in: tx)
            }
            if isWritten { place.marks.removeAll { $0.streamID == lifted.streamID } }
            return
        } catch let error as PostgresError {
            mark.reason = try Self.refusal(error, of: projection).reason
        } catch let standstill as Standstill {
            mark.reason = standstill.reason
        } catch {
            throw error as? ProjectionError ?? ProjectionError(.log, "the log cannot be read", cause: error)
        }
        mark.attempts += 1
        mark.dueAt = clock().adding(milliseconds: ProjectionMark.pauseMs(after: mark.attempts))
        let later = mark
        do {
            let batch = ProjectionBatch(tenant: tenant, events: [], cases: [])
            let isWritten = try await write(batch, into: projection, place, next: place.next) {
                tx throws(PostgresError) in try later.write(in: tx)
            }
            guard isWritten, let index = place.marks.firstIndex(where: { $0.streamID == later.streamID }) else {
                return
            }
            place.marks[index] = later
        } catch {
            throw ProjectionError(.database, "that a stream is set aside cannot be recorded", cause: error)
        }
    }

    /// The events of a stream from its mark on, and its case as it stands after them.
    private func whole(
        _ mark: ProjectionMark, of projection: any Projection, _ tenant: UUID, upTo last: Int64
    ) async throws -> ProjectionBatch {
        var batch = ProjectionBatch(tenant: tenant, events: [], cases: [])
        var folded = FoldedCase(id: mark.streamID, tenant: tenant)
        var version: Int64 = 0
        do {
            while true {
                let page = try await source.read(
                    stream: mark.streamID, tenant: tenant, after: version, upTo: last, limit: 500)
                guard let end = page.last else { break }
                if projection.foldsCases { for event in page { try folded.apply(event) } }
                batch.events += page.filter { $0.position >= mark.position }
                version = end.version
            }
        } catch let poison as PoisonEvent {
            throw Standstill(position: poison.position, reason: "\(poison)")
        } catch let error as ProjectionError where error.code == .gap {
            throw Standstill(position: nil, reason: "\(error)")
        } catch let error as EventLogError where error.code == .corrupt {
            throw Standstill(position: nil, reason: "\(error)")
        }
        if projection.foldsCases { batch.cases = [folded.record] }
        return batch
    }
}

/// The marks that a worker has tried. Those of others it tries at once: it may be of a build that can read the event.
final class TriedMarks: Sendable {
    private struct Key: Hashable {
        var tenant: UUID
        var projection: String
        var version: Int32
        var stream: UUID
        var position: Int64

        init(_ mark: ProjectionMark) {
            tenant = mark.tenantID
            projection = mark.projection
            version = mark.version
            stream = mark.streamID
            position = mark.position
        }
    }

    private let tried = Mutex<Set<Key>>([])

    func contains(_ mark: ProjectionMark) -> Bool { tried.withLock { $0.contains(Key(mark)) } }
    func insert(_ mark: ProjectionMark) { tried.withLock { _ = $0.insert(Key(mark)) } }
}
