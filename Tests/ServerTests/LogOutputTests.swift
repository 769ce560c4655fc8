import Foundation
import JSON
import Testing

@testable import Server

@Suite("Where log lines go")
struct LogOutputTests {
    @Test("a line that a full disk does not take is dropped and counted, and nothing else happens")
    func full() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let output = LogOutput(OutputDescriptor(descriptor))
        for number in 0..<1_000 { output.write("line \(number)") }
        #expect(output.droppedLines == 1_000)
    }

    @Test("a reader that stands still costs lines, one pause, and nothing else; then it is told how many")
    func stalled() throws {
        OutputDescriptor.ignoreBrokenPipes()
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let output = LogOutput(OutputDescriptor(ends[1]))
        let line = String(repeating: "x", count: 999)
        for _ in 0..<500 { output.write(line) }
        let dropped = output.droppedLines
        // A pipe holds 64 KiB here; whatever it holds, half a megabyte is more.
        #expect(dropped > 300 && dropped < 500)
        let early = read(from: ends[0], upTo: 1 << 20)
        output.write("at last")
        close(ends[1])
        let late = read(from: ends[0], upTo: 1 << 20)
        let lines = (early + late).split(separator: "\n").map(String.init)
        #expect(lines.filter { $0 == line }.count == 500 - dropped)
        #expect(lines.last == "at last")
        let account = try JSONValue.parse(try #require(lines.dropLast().last))
        #expect(account["dropped"] == .integer(Int64(dropped)))
        #expect(output.droppedLines == dropped)
    }

    @Test("a reader that has left costs lines and not the process")
    func left() throws {
        OutputDescriptor.ignoreBrokenPipes()
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let output = LogOutput(OutputDescriptor(ends[1]))
        output.write("nobody reads")
        #expect(output.droppedLines == 1)
        #expect { try OutputDescriptor(ends[1]).write([1]) } throws: {
            ($0 as? OutputDescriptor.Failure)?.isClosedByReader == true
        }
    }

    @Test("lines of many threads do not mix")
    func threads() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "docket-log-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let output = try LogOutput(path: file.path)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { for _ in 0..<200 { output.write(String(repeating: "\(task)", count: 500)) } }
            }
        }
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1_600)
        #expect(lines.allSatisfy { Set($0).count == 1 && $0.count == 500 })
        #expect(output.droppedLines == 0)
    }

    /// What is there now; the end of a pipe whose writer is open is not waited for.
    private func read(from descriptor: Int32, upTo limit: Int) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 0) > 0 else { break }
            let count = Foundation.read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
