import Crypto
import Events
import Foundation
import SystemPackage

/// Files of a backup: written through to the disk, and read again for their digests.
enum FileDigest {
    /// - Throws: `CommandFailure` when the file cannot be read.
    static func of(_ url: URL, as path: String) throws -> BackupManifest.File {
        do {
            let file = try FileDescriptor.open(FilePath(url.path), .readOnly)
            defer { try? file.close() }
            var hasher = SHA256()
            var size: Int64 = 0
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
            defer { buffer.deallocate() }
            while true {
                let count = try file.read(into: buffer)
                if count == 0 { break }
                hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                size += Int64(count)
            }
            let digest = hasher.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return BackupManifest.File(path: path, size: size, digest: "sha256:" + digest)
        } catch {
            throw CommandFailure("\(url.path) cannot be read: \(error)")
        }
    }

    /// Writes a file that only its owner may read, and flushes it.
    static func write(_ bytes: [UInt8], to url: URL) throws {
        do {
            let file = try FileDescriptor.open(
                FilePath(url.path), .writeOnly, options: [.create, .exclusiveCreate], permissions: [.ownerReadWrite])
            try file.closeAfter { _ = try file.writeAll(bytes) }
            try flush(url)
        } catch {
            throw CommandFailure("\(url.path) cannot be written: \(error)")
        }
    }

    /// Flushes a file, or a folder's entries, to the disk.
    static func flush(_ url: URL) throws {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure("\(url.path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw CommandFailure("\(url.path) cannot be flushed: \(String(cString: strerror(errno)))")
        }
    }
}
