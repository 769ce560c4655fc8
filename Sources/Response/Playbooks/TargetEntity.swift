/// Something of a case that an action may act on (contract §0, entity).
package struct TargetEntity: Sendable, Hashable, Codable {
    /// `cloud_resource`, `workload`, `user`, …
    package var type: String
    package var value: String
    /// `actor`, `target` or `related`.
    package var role: String

    package init(type: String, value: String, role: String = "target") {
        self.type = type
        self.value = value
        self.role = role
    }
}
