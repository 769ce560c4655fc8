import Events
package import Foundation
import Glibc
package import Proof

/// The keys that sign checkpoints: one Ed25519 key a tenant, in `<directory>/<tenant>.signing`, made when the tenant is
/// sealed for the first time.
///
/// The file holds the private key in the form of Go's `sumdb/note`, mode 0600, in the 0700 directory of the tenants'
/// keys. Whoever has it can sign a history that never was: it is backed up like those, and never leaves the machine.
package struct SigningKeys: Sendable {
    private let directory: String

    /// - Parameter directory: that of the tenants' keys.
    package init(directory: String) {
        self.directory = directory
    }

    /// The name of a tenant's log, in its checkpoints and keys (C2SP tlog-checkpoint, "origin").
    package static func origin(of tenant: UUID) -> String { "docket/" + tenant.uuidString.lowercased() }

    /// The tenant's key, or `nil` when there is none yet.
    package func find(_ tenant: UUID) throws -> SigningKey? { try read(path(tenant)) }

    private func read(_ path: String) throws -> SigningKey? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try SigningKey(text: String(decoding: data, as: UTF8.self).filter { !$0.isNewline })
    }

    /// The tenant's key, made where there is none. Of two makers one wins for both: the file gets its name by `link`.
    package func make(_ tenant: UUID) throws -> SigningKey { try make(tenant, at: path(tenant)) }

    /// The key that is to come, beside the one that signs.
    func makeSuccessor(_ tenant: UUID) throws -> SigningKey { try make(tenant, at: path(tenant) + ".next") }

    /// The successor takes the place of the key that signs, whose secret is gone with that.
    func promoteSuccessor(_ tenant: UUID) throws {
        guard unsafe rename(path(tenant) + ".next", path(tenant)) == 0 else {
            throw SealingError("the new signing key of \(tenant.uuidString.lowercased()) cannot take its place")
        }
    }

    private func make(_ tenant: UUID, at path: String) throws -> SigningKey {
        if let key = try read(path) { return key }
        let key = try SigningKey(name: Self.origin(of: tenant))
        let temporary = path + "." + UUID().uuidString
        guard
            FileManager.default.createFile(
                atPath: temporary, contents: Data((key.text + "\n").utf8), attributes: [.posixPermissions: 0o600])
        else { throw SealingError("cannot write \(temporary)") }
        defer { unsafe unlink(temporary) }
        guard unsafe link(temporary, path) == 0 || errno == EEXIST, let kept = try read(path) else {
            throw SealingError("cannot make the signing key \(path)")
        }
        return kept
    }

    private func path(_ tenant: UUID) -> String { "\(directory)/\(tenant.uuidString.lowercased()).signing" }
}

/// What stops sealing, exporting or checking.
package struct SealingError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
