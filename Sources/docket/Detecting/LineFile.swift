import Foundation
import Gzip

/// A file's lines, expanded when it is compressed.
enum LineFile {
    /// Bytes that a compressed file may expand to.
    private static let expandedMaximum = 4 << 30

    /// - Throws: `CommandFailure` when the file cannot be read.
    static func read(_ file: String) throws -> [UInt8] {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw CommandFailure("cannot read \(file): \(error.localizedDescription)")
        }
        let bytes = [UInt8](data)
        guard bytes.starts(with: [0x1F, 0x8B]) else { return bytes }
        do {
            return try Gzip.inflate(bytes, limits: Gzip.Limits(bytesMaximum: expandedMaximum, ratioMaximum: 1_000))
        } catch {
            throw CommandFailure("cannot expand \(file): \(error)")
        }
    }
}
