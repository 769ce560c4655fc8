/// Where records come from, or which of them a rule is about (Sigma rules specification 2.1, "Log Source").
package struct Logsource: Sendable, Hashable, CustomStringConvertible {
    package var product: String?
    package var category: String?
    package var service: String?

    package init(product: String? = nil, category: String? = nil, service: String? = nil) {
        self.product = product?.lowercased()
        self.category = category?.lowercased()
        self.service = service?.lowercased()
    }

    package var description: String {
        [("product", product), ("category", category), ("service", service)]
            .compactMap { name, value in value.map { "\(name)=\($0)" } }.joined(separator: " ")
    }

    /// The same source with what is known to go with it: a service tells its product and its category.
    package var completed: Logsource {
        var result = self
        for entry in FieldMappings.implied where entry.given.covers(result) {
            result.product = result.product ?? entry.implies.product
            result.category = result.category ?? entry.implies.category
            result.service = result.service ?? entry.implies.service
        }
        return result
    }

    /// Whether everything that this source names is so in the other.
    package func covers(_ other: Logsource) -> Bool {
        (product == nil || product == other.product) && (category == nil || category == other.category)
            && (service == nil || service == other.service)
    }

    /// The log source of a Windows event by its channel and event id; `nil` where none is known.
    package static func windows(channel: String, eventID: String) -> Logsource? {
        WindowsLogsource.logsource(channel: channel, eventID: eventID)
    }
}
