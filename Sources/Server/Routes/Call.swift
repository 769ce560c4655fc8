import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// A request that was let in: who asks (proven), what, and what to answer it with.
struct Call<C: Capability>: Sendable {
    let permit: Permit<C>
    let caller: Caller
    /// The template, such as `/v1/cases/{id}:close`.
    let route: String
    let parameters: [String: String]
    let query: QueryParameters
    let headers: HTTPFields
    let accepted: MediaType
    let body: RequestBytes
    let traceID: String
    let services: ServerServices
    /// The same for each repetition of a request that came with an `Idempotency-Key`.
    var repetition: UUID?

    var principal: Principal { permit.principal }
    var tenant: UUID { permit.principal.tenant }
    var now: Instant { services.clock() }

    /// The id in the path. Anything that is no UUID names nothing.
    func id() throws(Rejection) -> UUID {
        guard let id = parameters["id"].flatMap({ UUID(uuidString: $0) }) else { throw .notFound }
        return id
    }

    func name(_ parameter: String = "id") throws(Rejection) -> String {
        guard let text = parameters[parameter]?.removingPercentEncoding, !text.isEmpty else { throw .notFound }
        return text
    }

    func command() throws(Problem) -> CommandBody { CommandBody(try CommandBody.parse(body.bytes)) }

    /// In whose name, and with which trace, this request writes.
    var cause: Cause { Cause(command: permit.actor, traceID: traceID, repetition: repetition, at: now) }

    var governance: GovernanceWriter {
        GovernanceWriter(
            log: services.log, tenant: tenant, actor: permit.actor, repetition: repetition, clock: services.clock)
    }
}
