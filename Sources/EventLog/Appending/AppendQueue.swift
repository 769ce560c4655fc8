import Foundation

/// What waits to be written, by tenant; without I/O, locks or time.
///
/// A tenant is busy while one batch of it is on its way. What arrives meanwhile waits, and becomes the next batch: the
/// slower the commit, the larger the batch, so throughput rises with load by itself.
struct AppendQueue<Ticket> {
    struct Entry {
        let id: UInt64
        let stream: UUID
        let eventCount: Int
        let byteCount: Int
        let ticket: Ticket
    }

    enum Admission {
        /// The tenant was idle: this entry is a batch, now.
        case lead
        case wait
        case full
    }

    private struct Tenant {
        var waiting: [Entry] = []
        var eventCount = 0
    }

    /// By tenant that is busy.
    private var tenants: [UUID: Tenant] = [:]
    private var byteCount = 0
    let limits: EventLog.Limits

    init(limits: EventLog.Limits) { self.limits = limits }

    mutating func admit(_ entry: Entry, tenant: UUID) -> Admission {
        guard var queue = tenants[tenant] else {
            tenants[tenant] = Tenant()
            return .lead
        }
        guard queue.eventCount + entry.eventCount <= limits.waitingEventsMaximum,
            byteCount + entry.byteCount <= limits.waitingBytesMaximum
        else { return .full }
        queue.waiting.append(entry)
        queue.eventCount += entry.eventCount
        byteCount += entry.byteCount
        tenants[tenant] = queue
        return .wait
    }

    /// The next batch of a tenant whose batch is done; empty, and the tenant idle, when nothing waits.
    ///
    /// One request per stream: the second one of a stream waits for the next batch, and everything else overtakes it.
    mutating func nextBatch(of tenant: UUID) -> [Entry] {
        guard var queue = tenants[tenant], !queue.waiting.isEmpty else {
            tenants[tenant] = nil
            return []
        }
        var batch: [Entry] = []
        var left: [Entry] = []
        var streams: Set<UUID> = []
        var events = 0
        var isFull = false
        for entry in queue.waiting {
            isFull = isFull || (!batch.isEmpty && events + entry.eventCount > limits.batchEventsMaximum)
            // The stream is noted even when its entry stays, so that a later one of the same stream does not overtake.
            if streams.insert(entry.stream).inserted && !isFull {
                batch.append(entry)
                events += entry.eventCount
            } else {
                left.append(entry)
            }
        }
        queue.waiting = left
        account(batch, &queue)
        tenants[tenant] = queue
        return batch
    }

    /// Takes back an entry that still waits; nil when it is on its way.
    mutating func withdraw(_ id: UInt64, tenant: UUID) -> Entry? {
        guard var queue = tenants[tenant], let index = queue.waiting.firstIndex(where: { $0.id == id }) else {
            return nil
        }
        let entry = queue.waiting.remove(at: index)
        account([entry], &queue)
        tenants[tenant] = queue
        return entry
    }

    private mutating func account(_ taken: [Entry], _ queue: inout Tenant) {
        for entry in taken {
            queue.eventCount -= entry.eventCount
            byteCount -= entry.byteCount
        }
    }
}
