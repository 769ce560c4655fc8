package import Detection
package import Intake

/// Where telemetry is from: what the sender says, or nothing, and then each record is looked at.
package struct TelemetryOrigin: Sendable, Hashable {
    package var logsource: Logsource?
    package var source: TelemetrySource?

    package init(logsource: Logsource?) {
        let isNamed = logsource.map { $0 != Logsource() } ?? false
        self.logsource = isNamed ? logsource?.completed : nil
        source = self.logsource.flatMap(TelemetrySource.init)
    }

    package init(source: TelemetrySource) {
        self.source = source
        logsource = source.logsource.completed
    }

    package static let unknown = TelemetryOrigin(logsource: nil)

    /// `product=windows service=security`, or empty.
    package var text: String { logsource?.description ?? "" }

    /// Reads `text` back.
    package init(text: String) {
        var logsource = Logsource()
        for part in text.split(separator: " ") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            switch pair.first {
            case "product": logsource.product = pair.last
            case "category": logsource.category = pair.last
            case "service": logsource.service = pair.last
            default: break
            }
        }
        self.init(logsource: logsource)
    }
}

extension TelemetrySource {
    /// The source whose records a log source means.
    init?(_ logsource: Logsource) {
        switch (logsource.product, logsource.service) {
        case ("aws", "cloudtrail"?), ("aws", nil): self = .cloudtrail
        case ("windows", _): self = .windows
        case ("linux", "sshd"?): self = .sshd
        case ("kubernetes", "audit"?), ("kubernetes", nil): self = .kubernetes
        default: return nil
        }
    }

    package var logsource: Logsource {
        switch self {
        case .cloudtrail: Logsource(product: "aws", service: "cloudtrail")
        case .windows: Logsource(product: "windows")
        case .sshd: Logsource(product: "linux", service: "sshd")
        case .kubernetes: Logsource(product: "kubernetes", category: "application", service: "audit")
        }
    }
}
