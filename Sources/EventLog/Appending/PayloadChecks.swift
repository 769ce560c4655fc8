package import Events
package import JSON

/// Decodes each payload once before it is written, the way that its readers will.
///
/// What a reader refuses stops projections and stages for as long as the log exists, because nothing can be taken out of
/// it again. So the log refuses it first. Which type is read as what is knowledge of the domain; the log only asks.
package struct PayloadChecks: Sendable {
    /// - Throws: for a payload that the readers of its type refuse.
    package typealias Check = @Sendable (_ type: String, _ data: JSONValue) throws -> Void

    private let check: Check
    private let upcasters: Upcasters

    /// - Parameter upcasters: those of the log, since readers see a payload in its newest form.
    package init(upcasters: Upcasters = Upcasters(), _ check: @escaping Check) {
        self.check = check
        self.upcasters = upcasters
    }

    /// Lets everything pass: for logs of events that nobody decodes.
    package static let none = PayloadChecks { _, _ in }

    /// - Throws: `unreadable`, naming the type and the member.
    func check(_ event: NewEvent) throws(EventLogError) {
        do {
            let data =
                upcasters.knows(event.type, event.schemaVersion)
                ? try upcasters.apply(event.type, event.schemaVersion, event.data).data : event.data
            try check(event.type, data)
        } catch {
            throw EventLogError(.unreadable, "\(event.type) cannot be read back and is not recorded", cause: error)
        }
    }
}
