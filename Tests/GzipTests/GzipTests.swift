import Gzip
import Testing

@Suite struct GzipTests {
    private static let standard = Gzip.Limits(bytesMaximum: 1 << 20)

    @Test("what was compressed comes back", arguments: [0, 1, 100, 70_000, 500_000])
    func roundTrip(count: Int) throws {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(try Gzip.inflate(Gzip.deflate(bytes), limits: Self.standard) == bytes)
    }

    @Test("several members are one text")
    func members() throws {
        let joined = try Gzip.deflate(Array("first ".utf8)) + Gzip.deflate(Array("second".utf8))
        #expect(try Gzip.inflate(joined, limits: Self.standard) == Array("first second".utf8))
    }

    @Test("the limit counts what comes out, to the byte")
    func limit() throws {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<1_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let packed = try Gzip.deflate(bytes)
        #expect(try Gzip.inflate(packed, limits: .init(bytesMaximum: 1_000)) == bytes)
        let error = #expect(throws: GzipError.self) { try Gzip.inflate(packed, limits: .init(bytesMaximum: 999)) }
        #expect(error?.code == .tooLarge)
    }

    @Test("a bomb is refused by its ratio, long before the limit")
    func ratio() throws {
        let packed = try Gzip.deflate([UInt8](repeating: 0, count: 10 << 20))
        let error = #expect(throws: GzipError.self) {
            try Gzip.inflate(packed, limits: .init(bytesMaximum: 1 << 30))
        }
        #expect(error?.code == .ratio)
    }

    @Test("what is no gzip is refused")
    func malformed() throws {
        let error = #expect(throws: GzipError.self) {
            try Gzip.inflate(Array("{\"source\":\"edr\"}".utf8), limits: Self.standard)
        }
        #expect(error?.code == .malformed)
    }

    @Test("a stream that was cut off is refused, wherever it was cut")
    func truncated() throws {
        let packed = try Gzip.deflate(Array("a text of some length, to be cut".utf8))
        for length in 0..<packed.count {
            let error = #expect(throws: GzipError.self) {
                try Gzip.inflate(Array(packed.prefix(length)), limits: Self.standard)
            }
            #expect(error?.code == .truncated)
        }
    }

    @Test("a damaged byte is noticed by the checksum")
    func damaged() throws {
        var packed = try Gzip.deflate(Array("a text of some length, to be damaged".utf8))
        packed[packed.count - 6] ^= 0xFF
        let error = #expect(throws: GzipError.self) { try Gzip.inflate(packed, limits: Self.standard) }
        #expect(error?.code == .malformed)
    }
}
