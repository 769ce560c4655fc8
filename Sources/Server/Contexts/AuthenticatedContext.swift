import Hummingbird

/// A context that cannot exist without a principal: a handler that takes it needs no check of its own.
struct AuthenticatedContext: ChildRequestContext {
    var coreContext: CoreRequestContextStorage
    let traceID: String
    let caller: Caller

    /// - Throws: `unauthenticated` when nobody was recognized.
    init(context: DocketContext) throws {
        guard let caller = context.caller else { throw Problem.unauthenticated }
        coreContext = context.coreContext
        traceID = context.traceID
        self.caller = caller
    }
}
