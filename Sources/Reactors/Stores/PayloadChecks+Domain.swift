import Cases
package import EventLog
import JSON

extension PayloadChecks {
    /// Decodes each payload as the type that the domain's readers decode it as.
    package static let domain = PayloadChecks { type, data in
        guard let payload = EventType(rawValue: type)?.payload else { return }
        _ = try data.decode(payload)
    }
}
