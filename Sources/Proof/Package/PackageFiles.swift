import Crypto
package import Foundation

/// The folder of a package: the only place where this room touches a disk.
package struct PackageFolder: Sendable {
    package let url: URL

    /// The folder's own path: joining texts is a hundred times cheaper than joining URLs, and packages have many files.
    private let root: String

    package init(_ url: URL) {
        self.url = url
        root = url.path
    }

    func path(of path: String) -> String { root + "/" + path }
    func url(of path: String) -> URL { URL(fileURLWithPath: self.path(of: path)) }

    /// Makes the folder; one that holds something already is refused.
    func create() throws(ProofError) {
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            guard try FileManager.default.contentsOfDirectory(atPath: url.path).isEmpty else {
                throw ProofError(.files, "\(url.lastPathComponent) is not empty")
            }
            for folder in ["checkpoints", "evidence", "handovers"] {
                try FileManager.default.createDirectory(at: self.url(of: folder), withIntermediateDirectories: false)
            }
        } catch let error as ProofError {
            throw error
        } catch {
            throw ProofError(.files, "\(url.lastPathComponent) cannot be made", cause: error)
        }
    }

    /// All of a file that is small by its nature.
    func read(_ path: String, upTo limit: Int = 256 << 20) throws(ProofError) -> [UInt8] {
        let file = try PackageReader(self, path)
        var bytes: [UInt8] = []
        while try file.read(into: &bytes) {
            guard bytes.count <= limit else { throw ProofError(.files, "\(path) is too large") }
        }
        return bytes
    }

    /// Whether there is a plain file; a link, a pipe or a folder in its place is none, and is never opened.
    func exists(_ path: String) -> Bool {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: self.path(of: path))
            return attributes[.type] as? FileAttributeType == .typeRegular
        } catch {
            return false
        }
    }

    /// Every plain file, and whatever else is not a folder, by its path from here, sorted.
    func list() throws(ProofError) -> (files: [String], others: [String]) {
        do {
            let all = try list(in: "")
            return (
                all.filter(\.isFile).map(\.path).sortedByBytes(), all.filter { !$0.isFile }.map(\.path).sortedByBytes()
            )
        } catch {
            throw ProofError(.files, "\(url.lastPathComponent) cannot be listed", cause: error)
        }
    }

    private func list(in folder: String) throws -> [(path: String, isFile: Bool)] {
        var found: [(path: String, isFile: Bool)] = []
        let parent = folder.isEmpty ? root : path(of: folder)
        for name in try FileManager.default.contentsOfDirectory(atPath: parent) {
            let path = folder.isEmpty ? name : folder + "/" + name
            let type = try FileManager.default.attributesOfItem(atPath: self.path(of: path))[.type]
            if type as? FileAttributeType == .typeDirectory {
                found += try list(in: path)
            } else {
                found.append((path, type as? FileAttributeType == .typeRegular))
            }
        }
        return found
    }
}

extension [String] {
    func sortedByBytes() -> [String] { sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
}

/// A file being read from its beginning, and hashed on the way.
final class PackageReader {
    static let chunk = 1 << 20

    private let handle: FileHandle
    private let path: String
    private var hasher = SHA256()
    private(set) var size: Int64 = 0

    init(_ folder: PackageFolder, _ path: String) throws(ProofError) {
        self.path = path
        guard folder.exists(path), let handle = FileHandle(forReadingAtPath: folder.path(of: path)) else {
            throw ProofError(.files, "\(path) cannot be read")
        }
        self.handle = handle
    }

    deinit {
        do {
            try handle.close()
        } catch {
            // Nothing was written, so nothing can be lost.
        }
    }

    /// Appends the next chunk. - Returns: false at the end.
    func read(into bytes: inout [UInt8]) throws(ProofError) -> Bool {
        do {
            guard let data = try handle.read(upToCount: Self.chunk), !data.isEmpty else { return false }
            unsafe data.withUnsafeBytes { chunk in
                unsafe hasher.update(bufferPointer: chunk)
                unsafe bytes.append(contentsOf: chunk)
            }
            size += Int64(data.count)
            return true
        } catch {
            throw ProofError(.files, "\(path) cannot be read", cause: error)
        }
    }

    /// Bytes anywhere in the file; fewer at its end. Leaves the hash alone, and must not be mixed with `read`.
    func read(at offset: Int64, count: Int) throws(ProofError) -> [UInt8] {
        do {
            try handle.seek(toOffset: UInt64(offset))
            return Array(try handle.read(upToCount: count) ?? Data())
        } catch {
            throw ProofError(.files, "\(path) cannot be read", cause: error)
        }
    }

    /// Reads what is left, for the hash alone.
    func drain() throws(ProofError) {
        var bytes: [UInt8] = []
        while try read(into: &bytes) { bytes.removeAll(keepingCapacity: true) }
    }

    /// Of all that was read so far.
    var digest: TreeHash { TreeHash(hasher.finalize()) }
}

/// A file being written and hashed on the way.
final class PackageFile {
    let path: String
    private let handle: FileHandle
    private var hasher = SHA256()
    private var buffer: [UInt8] = []
    private var size: Int64 = 0

    init(_ folder: PackageFolder, _ path: String) throws(ProofError) {
        self.path = path
        let url = folder.url(of: path)
        do {
            try Data().write(to: url, options: .withoutOverwriting)
            handle = try FileHandle(forWritingTo: url)
        } catch {
            throw ProofError(.files, "\(path) cannot be written", cause: error)
        }
    }

    func write(_ bytes: [UInt8]) throws(ProofError) {
        buffer += bytes
        if buffer.count >= PackageReader.chunk { try flush() }
    }

    private func flush() throws(ProofError) {
        do {
            try handle.write(contentsOf: buffer)
        } catch {
            throw ProofError(.files, "\(path) cannot be written", cause: error)
        }
        unsafe buffer.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
        size += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    func close() throws(ProofError) -> PackageManifest.File {
        try flush()
        do {
            try handle.close()
        } catch {
            throw ProofError(.files, "\(path) cannot be written", cause: error)
        }
        return PackageManifest.File(path: path, size: size, digest: TreeHash(hasher.finalize()))
    }
}
