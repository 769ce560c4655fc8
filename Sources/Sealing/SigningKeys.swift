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
    ///
    /// - Parameter hasSigned: whether the log holds a checkpoint already. Then a key that is not there was lost, and none
    ///   is made: another key could not go on from what the lost one has signed.
    package func make(_ tenant: UUID, hasSigned: Bool) throws -> SigningKey {
        if hasSigned {
            guard let key = try find(tenant) else {
                throw SealingError(
                    "\(path(tenant)) is missing, though the log has signed checkpoints: put the file back from the backup "
                        + "of the keys")
            }
            return key
        }
        return try make(tenant, at: path(tenant))
    }

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
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SealingError("cannot make \(temporary)") }
        defer { unsafe unlink(temporary) }
        let text = Array((key.text + "\n").utf8)
        // On the disk before anything is signed: a checkpoint without its key could not be gone on from.
        let isWritten = unsafe write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten else { throw SealingError("cannot write \(temporary)") }
        guard unsafe link(temporary, path) == 0 || errno == EEXIST, let kept = try read(path) else {
            throw SealingError("cannot make the signing key \(path)")
        }
        try flushDirectory()
        return kept
    }

    // MARK: The last signed head

    /// The file beside the signing key that holds the newest checkpoint that was signed here.
    package static func headFile(of tenant: UUID) -> String { tenant.uuidString.lowercased() + ".head" }

    /// The newest checkpoint that was signed here; it lies outside the database, so that a database that was set back is
    /// noticed.
    package func head(_ tenant: UUID) throws -> SignedNote? {
        guard let data = FileManager.default.contents(atPath: directory + "/" + Self.headFile(of: tenant)) else {
            return nil
        }
        return try SignedNote(Array(data))
    }

    /// Keeps a checkpoint as the last signed head, unless a larger one is kept.
    func keepHead(_ note: SignedNote, _ checkpoint: Checkpoint, _ tenant: UUID) throws {
        if let kept = try head(tenant), try Checkpoint(text: kept.text).size >= checkpoint.size { return }
        let path = directory + "/" + Self.headFile(of: tenant)
        let temporary = path + "." + UUID().uuidString
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SealingError("cannot make \(temporary)") }
        let isWritten =
            unsafe write(descriptor, note.bytes, note.bytes.count) == note.bytes.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, unsafe rename(temporary, path) == 0 else {
            unsafe unlink(temporary)
            throw SealingError("cannot write \(path)")
        }
    }

    private func flushDirectory() throws {
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SealingError("cannot open \(directory)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SealingError("cannot flush \(directory)") }
    }

    private func path(_ tenant: UUID) -> String { "\(directory)/\(tenant.uuidString.lowercased()).signing" }
}

/// What stops sealing, exporting or checking.
package struct SealingError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
