import Cases
import Hummingbird

/// What every request carries: its trace, and who asks once that is known.
struct DocketContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// W3C trace id, 32 hexadecimal digits: from `traceparent`, else made here.
    var traceID: String
    var caller: Caller?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        traceID = ""
    }
}

/// Somebody whose token was checked.
struct Caller: Sendable {
    var principal: Principal
    var token: Token
    /// Known to the caller and to nobody else, not even to the database: seals what is kept for this caller alone.
    var sealingKey: [UInt8]
    /// The session's value, for somebody who came by a browser's cookie.
    var session: String?
}
