import Events
import JSON

/// What reading an item brings to light besides the alert: errors, warnings, members without a place, and the key as
/// far as it is readable.
///
/// Errors and warnings are bounded, because the item that causes them may be hostile.
struct IntakeReport {
    private(set) var errors: [FieldError] = []
    private(set) var warnings: [String] = []
    private(set) var unmapped: [String: JSONValue] = [:]
    /// Why the item is rejected, when one sentence says it better than the first error.
    var reason: String?
    var source: String?
    var sourceRef: String?
    private var warningsLeftOut = 0

    mutating func error(
        _ pointer: JSONPointer, _ code: FieldError.Code, _ detail: String, allowed: [String]? = nil
    ) {
        guard errors.count < IntakeLimits.errors else { return }
        errors.append(FieldError(pointer.description, code, detail, allowed: allowed))
    }

    mutating func warn(_ text: String) {
        if warnings.count < IntakeLimits.warnings { warnings.append(text) } else { warningsLeftOut += 1 }
    }

    /// Keeps a member that has no place in an alert. A name that is taken already gives way to the pointer.
    mutating func keep(_ value: JSONValue, as name: String, from pointer: JSONPointer) {
        unmapped[unmapped[name] == nil ? name : pointer.description] = value
    }

    /// All warnings, the last one telling how many more there were.
    var allWarnings: [String] {
        warningsLeftOut == 0 ? warnings : warnings + ["and \(warningsLeftOut) more warnings"]
    }

    var rejectionReason: String {
        if let reason { return reason }
        guard let first = errors.first else { return "the item is no alert" }
        let place = first.pointer.isEmpty ? "" : "\(first.pointer): "
        return place + first.detail + (errors.count > 1 ? " (\(errors.count) errors)" : "")
    }
}
