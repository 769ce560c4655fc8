import Foundation
import Gzip
import SystemPackage

/// A file of lines in blocks that end with a line, so that no more of it is in memory than is worked on; a compressed
/// one is expanded whole.
struct LineFile {
    /// Bytes that a compressed file may expand to.
    private static let expandedMaximum = 4 << 30
    /// Bytes that are read at once.
    private static let blockBytes = 1 << 20
    /// Bytes of one line.
    private static let lineMaximum = 64 << 20

    private let name: String
    private let file: FileDescriptor
    /// The beginning of a line whose end was not read yet; or all that a compressed file holds.
    private var rest: [UInt8] = []
    private var isBegun = false
    private var isAtEnd = false

    /// - Throws: `CommandFailure` when the file cannot be read.
    init(_ name: String) throws {
        self.name = name
        do {
            file = try FileDescriptor.open(FilePath(name), .readOnly)
        } catch {
            throw CommandFailure("cannot read \(name): \(error.localizedDescription)")
        }
    }

    /// Runs with the blocks of a file, and closes it.
    static func blocks<Result>(of name: String, _ body: (inout LineFile) async throws -> Result) async throws -> Result
    {
        var file = try LineFile(name)
        defer { try? file.file.close() }
        return try await body(&file)
    }

    /// The whole file.
    static func read(_ name: String) throws -> [UInt8] {
        var file = try LineFile(name)
        defer { try? file.file.close() }
        var bytes: [UInt8] = []
        while let block = try file.next() { bytes += block }
        return bytes
    }

    /// The next lines; `nil` at the end. Each but the last ends with a line feed.
    mutating func next() throws -> [UInt8]? {
        if isAtEnd { return nil }
        var block: [UInt8] = []
        while true {
            let known = block.isEmpty ? rest : block
            rest = []
            block = try Self.reading(file, behind: known, name)
            if block.count == known.count {
                isAtEnd = true
                return block.isEmpty ? nil : block
            }
            if !isBegun, block.starts(with: [0x1F, 0x8B]) {
                isAtEnd = true
                return try expanded(block)
            }
            isBegun = true
            if let end = block[known.count...].lastIndex(of: 0x0A) {
                rest = Array(block[(end + 1)...])
                block.removeLast(block.count - end - 1)
                return block
            }
            guard block.count <= Self.lineMaximum else {
                throw CommandFailure("\(name) has a line of more than \(Self.lineMaximum >> 20) MiB")
            }
        }
    }

    /// What is known and what is read behind it, in one piece of memory.
    private static func reading(_ file: FileDescriptor, behind known: [UInt8], _ name: String) throws -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: known.count + blockBytes) { buffer, count in
                count = buffer.initialize(fromContentsOf: known)
                count += try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]))
            }
        } catch {
            throw CommandFailure("cannot read \(name): \(error.localizedDescription)")
        }
    }

    private func expanded(_ start: [UInt8]) throws -> [UInt8] {
        var bytes = start
        while true {
            let more = try Self.reading(file, behind: [], name)
            if more.isEmpty { break }
            bytes += more
        }
        do {
            return try Gzip.inflate(bytes, limits: Gzip.Limits(bytesMaximum: Self.expandedMaximum, ratioMaximum: 1_000))
        } catch {
            throw CommandFailure("cannot expand \(name): \(error)")
        }
    }
}
