import Cases

/// What only the server asks for; the rest are the domain's (`Capability.swift`).
///
/// Whoever has a token may ask what it is.
enum ReadSelf: Capability { static let roles = Set(Role.allCases) }
/// Stopping machines must never wait for the right person.
enum HaltAutomation: Capability { static let roles: Set<Role> = [.responder, .lead, .admin] }
