import Cases
import Events
import HTTPTypes
import JSON

/// A creating request with an `Idempotency-Key`: done once, answered the same for a day.
///
/// What is kept are successes and dead letters, for those left something behind. After any other refusal the key is free
/// again. Where it is not known whether anything was recorded, the repetition gives equal events the same ids, so that
/// none is recorded twice.
struct Repetition<C: Capability>: Sendable {
    let call: Call<C>
    let keyText: String
    /// With its query, as it was sent.
    let path: String

    func answer(_ handler: @Sendable (Call<C>) async throws -> Reply) async throws -> Reply {
        let key = try key()
        let store = call.services.idempotency
        let seal = SealedAnswer(key: call.caller.sealingKey)
        switch try await store.begin(key, at: call.now) {
        case .replay(let status, []):
            // It was done; what was said of it went with an erasure.
            return Reply(
                HTTPResponse.Status(code: status), ["erased": true], headers: [.idempotencyReplayed: "true"])
        case .replay(let status, let sealed): return try seal.open(status: status, sealed)
        case .reused:
            throw Problem(
                .idempotencyKeyReused, "This key came with another request before: use a new key for a new request.")
        case .running:
            throw Problem(
                .idempotencyInProgress, "The first request with this key still runs: wait, then repeat.",
                headers: [.retryAfter: "1"])
        case .run: break
        }
        var call = call
        call.repetition = key.repetition
        do {
            let reply = try await handler(call)
            try await store.finish(
                key, status: reply.status.code, sealed: try seal.seal(reply), namesNobody: reply.namesNobody)
            return reply
        } catch let problem as Problem where problem.type == .deadLettered {
            let reply = Reply(
                HTTPResponse.Status(code: problem.type.status),
                bytes: problem.document(instance: call.route, traceID: call.traceID).canonicalBytes(),
                mediaType: "application/problem+json")
            try await store.finish(
                key, status: reply.status.code, sealed: try seal.seal(reply), namesNobody: reply.namesNobody)
            return reply
        } catch {
            // A task of its own, awaited here: this one may have been cancelled, and the key would stay taken.
            try await Task { try await store.release(key) }.value
            throw error
        }
    }

    private func key() throws(Problem) -> IdempotencyStore.Key {
        var text = keyText[...]
        // A structured-field string stands in quotes; many senders leave them out.
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = text.dropFirst().dropLast() }
        guard (1...255).contains(text.utf8.count) else {
            throw .validation([FieldError("/Idempotency-Key", .length, "has 1 to 255 characters")])
        }
        let request = Array("\(path)\n\(call.body.mediaType)\n".utf8) + call.body.bytes
        return IdempotencyStore.Key(
            tenant: call.tenant, token: call.caller.token.id, route: call.route, text: String(text),
            requestDigest: .sha256(request))
    }
}
