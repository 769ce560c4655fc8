/// Names of fields as rules write them, where a source writes them otherwise; and what a log source implies.
///
/// Data: a line here is all that another sender needs.
enum FieldMappings {
    struct Alias: Sendable {
        /// The name in rules.
        let field: String
        /// Names in records, the first that is there counts.
        let sources: [String]
    }

    struct Implication: Sendable {
        let given: Logsource
        let implies: Logsource
    }

    static func aliases(for logsource: Logsource) -> [Alias] {
        for entry in byLogsource where entry.0.covers(logsource) { return entry.1 }
        return []
    }

    /// Every name in the mappings, on either side.
    static var allNames: [String] { byLogsource.flatMap { $0.1.flatMap { [$0.field] + $0.sources } } }

    private static let byLogsource: [(Logsource, [Alias])] = [
        (
            Logsource(product: "windows"),
            [
                Alias(field: "Channel", sources: ["log_name", "channel"]),
                Alias(field: "EventID", sources: ["event_id", "EventId"]),
                Alias(field: "Provider_Name", sources: ["SourceName", "ProviderName", "source_name"]),
                Alias(field: "Computer", sources: ["Hostname", "computer_name", "ComputerName"]),
            ]
        ),
        (
            Logsource(product: "linux"),
            [
                Alias(field: "message", sources: ["MESSAGE", "msg"]),
                Alias(field: "host", sources: ["hostname", "HOSTNAME", "_HOSTNAME"]),
            ]
        ),
        (
            Logsource(product: "kubernetes"),
            [
                Alias(field: "username", sources: ["user.username"]),
                Alias(field: "resource", sources: ["objectRef.resource"]),
                Alias(field: "subresource", sources: ["objectRef.subresource"]),
                Alias(field: "namespace", sources: ["objectRef.namespace"]),
                Alias(field: "apiGroup", sources: ["objectRef.apiGroup"]),
                Alias(field: "sourceIP", sources: ["sourceIPs"]),
            ]
        ),
    ]

    /// A sender that names half of a source means the whole of it.
    static let implied: [Implication] = [
        Implication(given: Logsource(service: "cloudtrail"), implies: Logsource(product: "aws")),
        Implication(
            given: Logsource(product: "kubernetes", service: "audit"), implies: Logsource(category: "application")),
        Implication(given: Logsource(service: "sshd"), implies: Logsource(product: "linux")),
        Implication(
            given: Logsource(product: "kubernetes", category: "application"), implies: Logsource(service: "audit")),
    ]
}
