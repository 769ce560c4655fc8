package import Events
package import Foundation
package import JSON
package import Runs

/// A hand into the outside world. Only an approved plan moves it, and only after the pre-state is in the log.
package protocol Connector: Sendable {
    /// Reads the object an entity stands for, fresh: before the act, for verification, before and after an undo.
    func capture(_ target: Entity) async throws(ConnectorError) -> JSONValue

    /// Does it, at most once per idempotency key however often it is called.
    /// - Throws: `ConnectorError`; after `timedOut` the effect may or may not be there: only `probe` can tell.
    func act(
        _ operation: String, on target: Entity, parameters: JSONValue, idempotencyKey: UUID, timeoutMs: Int64
    ) async throws(ConnectorError) -> ActOutcome

    /// Was anything applied under this key?
    func probe(_ idempotencyKey: UUID) async throws(ConnectorError) -> ProbeOutcome
}
