import Foundation

/// What waits to be written, by tenant, and whose turn it is; without I/O, locks or time.
///
/// There are a few lanes; a batch of one tenant occupies one from the moment that it is put together until its commit. A
/// tenant has one batch on its way at most. What arrives meanwhile waits, and so does what finds all lanes taken: the
/// slower the commits, the larger the batches, so throughput rises with load by itself. Tenants take turns, each with
/// all that it has by then, up to the batch's limit.
struct AppendQueue<Ticket> {
    struct Entry {
        let id: UInt64
        let stream: UUID
        let eventCount: Int
        let byteCount: Int
        let ticket: Ticket
    }

    /// What one lane writes next: at least one entry.
    struct Batch {
        let tenant: UUID
        let entries: [Entry]
    }

    enum Admission {
        /// A lane is free and the tenant idle: this entry is a batch, now.
        case lead
        case wait
        case full
    }

    private struct Tenant {
        var waiting: [Entry] = []
        var eventCount = 0
        var isWriting = false
    }

    /// By tenant that writes or waits.
    private var tenants: [UUID: Tenant] = [:]
    /// Tenants that could write and have no lane, each once, in the order in which they came.
    private var ready: ArraySlice<UUID> = []
    private var freeLanes: Int
    private var byteCount = 0
    let limits: EventLog.Limits

    init(limits: EventLog.Limits) {
        self.limits = limits
        freeLanes = limits.lanes
    }

    mutating func admit(_ entry: Entry, tenant: UUID) -> Admission {
        guard let queue = tenants[tenant] else {
            if freeLanes > 0 {
                freeLanes -= 1
                tenants[tenant] = Tenant(isWriting: true)
                return .lead
            }
            guard byteCount + entry.byteCount <= limits.waitingBytesMaximum else { return .full }
            enqueue(entry, tenant)
            ready.append(tenant)
            return .wait
        }
        guard queue.eventCount + entry.eventCount <= limits.waitingEventsMaximum,
            byteCount + entry.byteCount <= limits.waitingBytesMaximum
        else { return .full }
        enqueue(entry, tenant)
        return .wait
    }

    /// A tenant's batch is done: what its lane writes next, or nil, and the lane is free.
    mutating func finished(_ tenant: UUID) -> Batch? {
        if tenants[tenant]?.waiting.isEmpty == false {
            tenants[tenant]?.isWriting = false
            // Behind those who came first.
            ready.append(tenant)
        } else {
            tenants[tenant] = nil
        }
        guard let next = ready.popFirst() else {
            freeLanes += 1
            return nil
        }
        return Batch(tenant: next, entries: takeBatch(of: next))
    }

    /// Takes back an entry that still waits; nil when it is on its way.
    mutating func withdraw(_ id: UInt64, tenant: UUID) -> Entry? {
        guard let index = tenants[tenant]?.waiting.firstIndex(where: { $0.id == id }),
            let entry = tenants[tenant]?.waiting.remove(at: index)
        else { return nil }
        account([entry], tenant)
        if let queue = tenants[tenant], queue.waiting.isEmpty, !queue.isWriting {
            tenants[tenant] = nil
            ready.removeAll { $0 == tenant }
        }
        return entry
    }

    private mutating func enqueue(_ entry: Entry, _ tenant: UUID) {
        tenants[tenant, default: Tenant()].waiting.append(entry)
        tenants[tenant]?.eventCount += entry.eventCount
        byteCount += entry.byteCount
    }

    /// One request per stream: the second one of a stream waits for the next batch, and everything else overtakes it.
    private mutating func takeBatch(of tenant: UUID) -> [Entry] {
        let waiting = tenants[tenant]?.waiting ?? []
        var batch: [Entry] = []
        var left: [Entry] = []
        var streams: Set<UUID> = []
        var events = 0
        for (index, entry) in waiting.enumerated() {
            if !batch.isEmpty && events + entry.eventCount > limits.batchEventsMaximum {
                left += waiting[index...]
                break
            }
            // The stream is noted even when its entry stays, so that a later one of the same stream does not overtake.
            if streams.insert(entry.stream).inserted {
                batch.append(entry)
                events += entry.eventCount
            } else {
                left.append(entry)
            }
        }
        tenants[tenant]?.waiting = left
        tenants[tenant]?.isWriting = true
        account(batch, tenant)
        return batch
    }

    private mutating func account(_ taken: [Entry], _ tenant: UUID) {
        tenants[tenant]?.eventCount -= taken.reduce(0) { $0 + $1.eventCount }
        byteCount -= taken.reduce(0) { $0 + $1.byteCount }
    }
}
