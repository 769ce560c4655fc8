import Foundation
import JSON

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The file that keeps a lab's world through restarts and `kill -9`.
///
/// The first line is a whole world, every further line one change, each flushed to the disk before it is answered. A
/// last line without its newline is a change that was never answered, and is dropped. Opening and replacing the state
/// rewrite the file as one line: written beside, flushed, renamed over, so that either the old or the new one is there.
///
/// One lab a file: a second one that opens the same file is not noticed.
struct LabStateFile {
    private let url: URL
    private var handle: FileHandle?

    init(path: String) {
        url = URL(fileURLWithPath: path)
    }

    /// - Returns: the lines in order, or `nil` where there is no file yet.
    func read() throws(LabError) -> [JSONValue]? {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do {
            let bytes = [UInt8](try Data(contentsOf: url))
            guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
            let limits = JSONLimits(depth: 80, members: .max)
            return try bytes[..<end].split(separator: UInt8(ascii: "\n")).map {
                try JSONValue.parse(Array($0), limits: limits)
            }
        } catch {
            throw LabError(.storage, "the state file cannot be read: \(error)")
        }
    }

    mutating func append(_ change: JSONValue) throws(LabError) {
        do {
            guard let handle else { throw LabError(.storage, "the state file is not open") }
            try handle.write(contentsOf: Data(change.canonicalBytes() + [UInt8(ascii: "\n")]))
            try handle.synchronize()
        } catch {
            throw LabError(.storage, "the state file cannot be written: \(error)")
        }
    }

    /// Starts the file anew with one line, whatever was in it.
    mutating func rewrite(_ world: JSONValue) throws(LabError) {
        let fresh = url.appendingPathExtension("new")
        do {
            try handle?.close()
            handle = nil
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: fresh)
            let writer = try FileHandle(forWritingTo: fresh)
            try writer.write(contentsOf: Data(world.canonicalBytes() + [UInt8(ascii: "\n")]))
            try writer.synchronize()
            // The handle keeps pointing at the file under its new name.
            guard unsafe rename(fresh.path, url.path) == 0 else {
                throw LabError(.storage, "the new file cannot take the place of the old one, errno \(errno)")
            }
            try flushDirectory()
            handle = writer
        } catch {
            throw LabError(.storage, "the state file cannot be written: \(error)")
        }
    }

    /// A rename is durable only once the directory is.
    private func flushDirectory() throws {
        let directory = unsafe open(url.deletingLastPathComponent().path, O_RDONLY)
        guard directory >= 0 else { throw LabError(.storage, "the directory of the state file cannot be opened") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw LabError(.storage, "the directory cannot be flushed") }
    }
}
