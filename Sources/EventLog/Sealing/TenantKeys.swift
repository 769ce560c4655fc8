import Crypto
import Events
import Foundation
import Glibc
import Synchronization

/// The tenants' keys, in files outside the database: `<directory>/<tenant>.key`, 32 random bytes.
///
/// Whoever has the database alone can neither open sealed data nor try values against its matching codes. Losing a file
/// erases everything sealed of that tenant, so these files are backed up apart from the log.
package final class TenantKeys: Sendable {
    private let directory: String
    private let cache = Mutex<[UUID: TenantKey]>([:])

    /// Makes the directory (mode 0700) if there is none.
    package init(directory: String) throws(EventLogError) {
        self.directory = directory
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
            guard let mode, mode & 0o077 == 0 else {
                throw EventLogError(.tenantKey, "\(directory) is open to others: its mode must be 0700")
            }
        } catch let error as EventLogError {
            throw error
        } catch {
            throw EventLogError(.tenantKey, "cannot make \(directory)", cause: error)
        }
    }

    /// The tenant's key, or nil when there is no file.
    func find(_ tenant: UUID) throws(EventLogError) -> TenantKey? {
        if let key = cache.withLock({ $0[tenant] }) { return key }
        let path = path(tenant)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EventLogError(.tenantKey, "cannot read \(path)")
        }
        guard data.count == 32 else { throw EventLogError(.tenantKey, "\(path) does not hold 32 bytes") }
        let key = TenantKey(tenant: tenant, secret: Array(data))
        cache.withLock { $0[tenant] = key }
        return key
    }

    /// Makes the tenant's key unless another process was faster; the one key that there is then.
    ///
    /// The file gets its name by `link`, which fails when the name is taken, after its bytes are on the disk: no moment
    /// shows half a key, and of two makers one wins for both.
    func make(_ tenant: UUID) throws(EventLogError) -> TenantKey {
        let path = path(tenant)
        let temporary = path + ".\(UUID().uuidString)"
        let secret = RandomBytes.make(32)
        let descriptor = unsafe Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot make", temporary) }
        defer { unsafe unlink(temporary) }
        let isWritten = unsafe write(descriptor, secret, secret.count) == secret.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten else { throw failure("cannot write", temporary) }
        guard unsafe link(temporary, path) == 0 || errno == EEXIST else { throw failure("cannot make", path) }
        let parent = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw failure("cannot open", directory) }
        let isSynced = fsync(parent) == 0
        close(parent)
        guard isSynced else { throw failure("cannot sync", directory) }
        guard let key = try find(tenant) else { throw EventLogError(.tenantKey, "\(path) vanished") }
        return key
    }

    private func path(_ tenant: UUID) -> String { "\(directory)/\(tenant.uuidString.lowercased()).key" }

    private func failure(_ what: String, _ path: String) -> EventLogError {
        EventLogError(.tenantKey, "\(what) \(path): errno \(errno)")
    }
}

/// One tenant's key, split by HKDF (RFC 5869) into one for wrapping, one for matching and one for vouching.
struct TenantKey: Sendable {
    private let tenant: UUID
    private let wrapping: SymmetricKey
    private let matching: SymmetricKey
    private let vouching: SymmetricKey

    init(tenant: UUID, secret: [UInt8]) {
        self.tenant = tenant
        func derive(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: secret), salt: tenant.bytes, info: Array(purpose.utf8),
                outputByteCount: 32)
        }
        wrapping = derive("docket wrapping 1")
        matching = derive("docket matching 1")
        vouching = derive("docket vouching 1")
    }

    /// HMAC-SHA-256 over type ‖ canonical value: tells that two sealed values are equal, to nobody but holders of the
    /// key. The value's first byte ends the type unambiguously, for no type holds a quote, brace or digit at its end.
    func match(_ type: String, _ canonicalValue: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(type.utf8) + canonicalValue, using: matching))
    }

    /// HMAC-SHA-256: tells that a holder of the key wrote these bytes, which lie where others can write.
    func vouch(for bytes: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: vouching))
    }

    /// Compares in constant time.
    func vouched(_ code: [UInt8], for bytes: [UInt8]) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: bytes, using: vouching)
    }

    /// Wraps a data key (AES-256-GCM), bound to its tenant and id.
    func wrap(_ key: SymmetricKey, id: UUID) throws -> [UInt8] {
        let box = try AES.GCM.seal(
            key.bytes, using: wrapping, nonce: Seal.nonce(), authenticating: tenant.bytes + id.bytes)
        return Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    func unwrap(_ wrapped: [UInt8], id: UUID) throws(EventLogError) -> SymmetricKey {
        do {
            let box = try AES.GCM.SealedBox(combined: wrapped)
            return SymmetricKey(data: try AES.GCM.open(box, using: wrapping, authenticating: tenant.bytes + id.bytes))
        } catch {
            throw EventLogError(.corrupt, "key \(id) does not open under the tenant's key", cause: error)
        }
    }
}

extension SymmetricKey {
    var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}
