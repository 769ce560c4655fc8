package import Events
package import Foundation
package import JSON
package import Postgres
import Synchronization

/// The event log: the one place where anything is recorded.
///
/// Each tenant has one order, `position` 0, 1, 2, … without a gap, handed out under a lock that is held until commit. So
/// a reader that has seen position n has seen everything before n, and a follower that keeps a position misses nothing.
/// Within the tenant, each stream has its own order, `version` 1, 2, 3, …, which authors use to say what they had seen.
///
/// `append` is safe to repeat: an event has its author's id, and the same id with the same content is recorded once.
/// Members that can hold personal data are sealed on the way in (see `SealingCatalogue`) and opened on the way out.
package final class EventLog: Sendable {
    package struct Limits: Sendable {
        /// Transactions on their way at once, of as many tenants: one more than there are cores, so that one is worked on
        /// while another waits for the disk, and the rest gathers into larger batches meanwhile. Fewer than a pool has
        /// connections, for readers need some.
        package var lanes = min(6, ProcessInfo.processInfo.activeProcessorCount + 1)
        /// Events in one transaction.
        package var batchEventsMaximum = 512
        /// Events of one tenant that may wait; more are refused with `queueFull`.
        package var waitingEventsMaximum = 8_192
        /// Bytes that may wait, over all tenants, evidence included.
        package var waitingBytesMaximum = 128 << 20
        /// How long a batch is tried again while the database cannot be reached.
        package var writeTimeout: Duration = .seconds(20)
        /// How late a follower may learn of what another process recorded.
        package var pollInterval: Duration = .milliseconds(250)

        package init() {}
    }

    let database: Database
    let keys: TenantKeys
    let catalogue: SealingCatalogue
    let checks: PayloadChecks
    let upcasters: Upcasters
    let watch: HeadWatch
    let tail = LogTail()
    let epoch: @Sendable (UUID) -> Int64
    let clock: @Sendable () -> Instant
    /// Whether this clock was too far off the database's when it was last looked at.
    private let isClockOff = Flag()
    private let appender: Appender
    private let batches = BatchCounter()

    /// Transactions that this log has written since it was made: how much group commit gains.
    package var batchesWritten: Int { batches.count }

    /// - Parameters:
    ///   - database: connected with a role that may do what `docket_app` may.
    ///   - checks: what each payload must pass before it is written.
    ///   - epoch: the writer epoch under which this place writes for a tenant; it comes from the placement of tenants,
    ///     never from the database, or a fenced place could write on.
    ///   - clock: what `recorded_at` is taken from.
    package init(
        database: Database, keys: TenantKeys, catalogue: SealingCatalogue, checks: PayloadChecks = .none,
        upcasters: Upcasters = Upcasters(),
        limits: Limits = Limits(), epoch: @escaping @Sendable (UUID) -> Int64 = { _ in 0 },
        clock: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.database = database
        self.keys = keys
        self.catalogue = catalogue
        self.checks = checks
        self.upcasters = upcasters
        self.epoch = epoch
        self.clock = clock
        let watch = HeadWatch(database: database, interval: limits.pollInterval)
        self.watch = watch
        appender = Appender(
            writer: BatchWriter(
                database: database, keys: keys, epoch: epoch, clock: clock, limits: limits,
                appended: { [batches] tenant, next in
                    batches.add()
                    watch.publish(tenant, next: next)
                }),
            limits: limits)
    }

    /// Records a request's events, all or none, and gives the verdict once that is durable.
    ///
    /// Requests from many tasks share transactions. When the task is cancelled before its request is sent, nothing is
    /// recorded and the error is `cancelled`; after that, the verdict is waited for.
    ///
    /// - Throws: `unreadable` for a payload that its own readers would refuse (`PayloadChecks`).
    package func append(_ request: AppendRequest) async throws(EventLogError) -> AppendVerdict {
        guard !isClockOff.isSet else {
            throw EventLogError(.clockBehind, "this clock is more than 1 s off the database's")
        }
        let key = PreparedRequest.needsKey(request, catalogue) ? try await key(request.tenant) : nil
        let verdict = try await appender.append(
            try PreparedRequest(request, catalogue, checks, key: key), tenant: request.tenant)
        if case .appended = verdict { RecordingWitness.current?.note() }
        return verdict
    }

    /// Makes room for a tenant; false when there is one of this id.
    @discardableResult
    package func createTenant(_ tenant: UUID, epoch: Int64 = 0) async throws(EventLogError) -> Bool {
        do {
            let created = try await database.write("SELECT docket.create_tenant(\(tenant), \(epoch))") {
                row throws(PostgresError) in try row[0] as Bool
            }
            if created.first == true { RecordingWitness.current?.note() }
            return created.first == true
        } catch {
            throw EventLogError(.unavailable, "the tenant was not created", cause: error)
        }
    }

    /// Further off than this, milliseconds either way, one of the two clocks is wrong.
    package static let clockOffsetMaximumMs: Int64 = 1_000

    /// Looks at the clocks, and from then on refuses to append while they are too far apart, lest one bad clock freeze
    /// `recorded_at` in the future. For a service that does so every few seconds; who passes a clock of its own does not.
    @discardableResult
    package func watchClock() async throws(EventLogError) -> Int64 {
        let offset = try await clockOffset()
        isClockOff.set(offset.magnitude > UInt64(Self.clockOffsetMaximumMs))
        return offset
    }

    /// Milliseconds by which this process's clock is ahead of the database's; 0 where the question took longer than they can
    /// be apart. A busy machine must not look like a wrong clock.
    package func clockOffset() async throws(EventLogError) -> Int64 {
        let before = clock()
        let theirs = try await reading { () throws(PostgresError) in
            try await database.value("SELECT clock_timestamp()", as: PostgresTimestamp.self)
        }
        let after = clock()
        let asked = Instant(microseconds: theirs.microseconds)
        // Asked between the two: only what lies outside is known to be off.
        if asked < before { return before.milliseconds(since: asked) }
        return asked > after ? -asked.milliseconds(since: after) : 0
    }
}

// MARK: - Keys

extension EventLog {
    /// The code by which equal personal values are found without their being readable: what the body's markers carry.
    ///
    /// - Parameter type: of an entity, its type (`user`).
    package func matchingCode(type: String, value: JSONValue, tenant: UUID) async throws(EventLogError) -> [UInt8] {
        try await key(tenant).match(type, value.canonicalBytes())
    }

    /// The key under which an entity's values are sealed: deleting it erases them all.
    package func subjectKeyID(type: String, value: JSONValue, tenant: UUID) async throws(EventLogError) -> UUID {
        SubjectKeyID.derive(tenant: tenant, code: try await matchingCode(type: type, value: value, tenant: tenant))
    }

    /// The tenant's key, made at its first use. Not made when the tenant has sealed data already: then the file was lost
    /// or the directory is the wrong one, and a new key would hide that.
    func key(_ tenant: UUID) async throws(EventLogError) -> TenantKey {
        if let key = try keys.find(tenant) { return key }
        let hasSealed = try await reading { () throws(PostgresError) in
            try await database.value(
                "SELECT EXISTS (SELECT FROM docket.subject_key WHERE tenant_id = \(tenant))", as: Bool.self)
        }
        // Another process may have made the key, and sealed with it, since the first look.
        if let key = try keys.find(tenant) { return key }
        guard !hasSealed else { throw missingKey(tenant) }
        return try keys.make(tenant)
    }

    func existingKey(_ tenant: UUID) throws(EventLogError) -> TenantKey {
        guard let key = try keys.find(tenant) else { throw missingKey(tenant) }
        return key
    }

    private func missingKey(_ tenant: UUID) -> EventLogError {
        EventLogError(.tenantKey, "tenant \(tenant) has sealed data, but its key file is not in the keys' directory")
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }
    func set(_ isSet: Bool) { value.store(isSet, ordering: .relaxed) }
}

/// Counts transactions.
private final class BatchCounter: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}
