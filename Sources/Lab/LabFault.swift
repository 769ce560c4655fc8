import JSON

/// Trouble laid in the way of the next requests for an operation, so that a test can show what Docket makes of it.
package struct LabFault: Sendable, Hashable, Codable {
    package enum Effect: String, Sendable, Codable, CaseIterable {
        /// A 409 problem; nothing is applied.
        case refuse
        /// The answer waits `delay_ms`; then the operation is applied as usual.
        case delay
        /// The connection is closed without an answer; nothing is applied.
        case dropBeforeApply = "drop_before_apply"
        /// The operation is applied and on disk; the connection is closed without an answer.
        case dropAfterApply = "drop_after_apply"
    }

    package var kind: String
    /// An operation of the kind, `create`, or `get` for reading an object of the kind. The kind `operations` with `get`
    /// strikes the probe.
    package var operation: String
    package var fault: Effect
    package var delayMs: Int64
    /// How many more requests it strikes.
    package var times: Int

    package init(kind: String, operation: String, fault: Effect, delayMs: Int64 = 0, times: Int = 1) {
        self.kind = kind
        self.operation = operation
        self.fault = fault
        self.delayMs = delayMs
        self.times = times
    }

    /// Reads `{"kind","operation","fault","delay_ms":0,"times":1}`.
    init(body: JSONValue) throws(LabError) {
        guard let kind = body["kind"]?.stringValue, kind == "operations" || LabKind(rawValue: kind) != nil else {
            throw LabError(.validationFailed, "a kind of the lab is required", pointer: "/kind")
        }
        guard let operation = body["operation"]?.stringValue,
            operation == "get" || LabOperation(rawValue: operation) != nil
        else { throw LabError(.validationFailed, "an operation of the lab is required", pointer: "/operation") }
        guard let fault = body["fault"]?.stringValue.flatMap(Effect.init(rawValue:)) else {
            throw LabError(
                .validationFailed, "one of \(Effect.allCases.map(\.rawValue).joined(separator: ", ")) is required",
                pointer: "/fault")
        }
        let delayMs = body["delay_ms"] ?? 0
        guard let delay = delayMs.int64Value, (0...600_000).contains(delay) else {
            throw LabError(.validationFailed, "0 to 600000 milliseconds", pointer: "/delay_ms")
        }
        guard let times = (body["times"] ?? 1).int64Value, (1...1_000_000).contains(times) else {
            throw LabError(.validationFailed, "1 to 1000000", pointer: "/times")
        }
        self.init(kind: kind, operation: operation, fault: fault, delayMs: delay, times: Int(times))
    }
}
