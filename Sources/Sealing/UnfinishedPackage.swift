package import Foundation

/// The folder `<package>.partial` in which a package is written until it is whole.
///
/// Its writer holds an flock on it, which the kernel drops with the process: so one that was left by a process that was
/// killed is told from one that is being written.
package final class UnfinishedPackage: Sendable {
    package static let suffix = ".partial"

    package let url: URL
    private let target: URL
    private let descriptor: Int32

    /// Makes the folder anew.
    /// - Throws: `SealingError` when the package's own folder holds something, or somebody writes there.
    package init(for target: URL) throws {
        self.target = target
        url = URL(fileURLWithPath: target.path + Self.suffix)
        let files = FileManager.default
        if files.fileExists(atPath: target.path), try !files.contentsOfDirectory(atPath: target.path).isEmpty {
            throw SealingError("\(target.lastPathComponent) is not empty")
        }
        try Self.removeLeftover(url)
        try files.createDirectory(at: url, withIntermediateDirectories: true)
        descriptor = try Self.lock(url)
    }

    deinit { close(descriptor) }

    /// Gives the package its name.
    package func publish() throws {
        guard unsafe rename(url.path, target.path) == 0 else {
            throw SealingError(
                "\(target.lastPathComponent) cannot get its name: \(unsafe String(cString: strerror(errno)))")
        }
    }

    /// Removes whatever was written.
    package func remove() throws {
        if FileManager.default.fileExists(atPath: url.path) { try FileManager.default.removeItem(at: url) }
    }

    /// Removes what exports that were ended half-way left in a folder of packages, unless they are being written.
    package static func removeLeftovers(in folder: URL) throws {
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(suffix) {
            do {
                try removeLeftover(folder.appending(path: name))
            } catch is SealingError {
                // Another process is at work on it.
            }
        }
    }

    private static func removeLeftover(_ url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let descriptor = try lock(url)
        defer { close(descriptor) }
        try FileManager.default.removeItem(at: url)
    }

    private static func lock(_ url: URL) throws -> Int32 {
        let descriptor = unsafe open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SealingError("cannot open \(url.path): \(unsafe String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw SealingError("\(url.lastPathComponent) is being written by another export")
        }
        return descriptor
    }
}
