package import struct Foundation.UUID

/// The tenant of what has no tenant: tenant creation, unauthenticated attempts, keys, start and stop.
package enum SystemTenant {
    /// All bits zero but the last: no generator ever makes it.
    package static let id = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))
    package static let name = "system"
}
