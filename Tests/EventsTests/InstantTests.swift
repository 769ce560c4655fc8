import Events
import Foundation
import JSON
import Testing

@Suite("Instant")
struct InstantTests {
    @Test(
        "RFC 3339 is read with any offset and 0 to 9 digits, and written with six",
        arguments: [
            ("2026-11-21T02:38:00Z", "2026-11-21T02:38:00.000000Z"),
            ("2026-11-21T02:38:00.123456789Z", "2026-11-21T02:38:00.123456Z"),
            ("2026-11-21T02:38:00.1+05:30", "2026-11-20T21:08:00.100000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2024-02-29T00:00:00-23:59", "2024-02-29T23:59:00.000000Z"),
            ("1600-02-29T12:00:00z", "1600-02-29T12:00:00.000000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ])
    func roundTrip(text: String, written: String) {
        #expect(Instant(rfc3339: text)?.rfc3339 == written)
    }

    @Test(
        "what is no RFC 3339 is refused",
        arguments: [
            "", "2026-11-21", "2026-11-21T02:38:00", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z",
            "2026-11-21T24:00:00Z", "2026-11-21T02:38:00.Z", "2026-11-21T02:38:00.0123456789Z",
            "2026-11-21T02:38:00Zx", "2026-11-21T02:38:00+24:00", "26-11-21T02:38:00Z",
        ])
    func refused(text: String) {
        #expect(Instant(rfc3339: text) == nil)
    }

    @Test("every microsecond count reads back from its text", arguments: 0..<300)
    func property(seed: Int64) {
        let instant = Instant(
            microseconds: (seed &* 7_919_283_771_113_077) % 4_000_000_000_000_000 - 1_000_000_000_000_000)
        #expect(Instant(rfc3339: instant.rfc3339) == instant)
        let text = Array(instant.rfc3339.utf8)
        #expect(Instant(canonical: text.span) == instant)
        var edited = text
        edited[Int(seed) % 27] = UInt8(ascii: "x")
        #expect(Instant(canonical: edited.span) == nil)
    }

    private static let extremes: [Int64] = [
        .min, .min + 1, -62_135_596_800_000_001, -62_135_596_800_000_000, -1, 0, 253_402_300_799_999_999,
        253_402_300_800_000_000, .max - 1, .max,
    ]

    @Test("whatever is computed can be written, and what is written can be read", arguments: extremes, extremes)
    func total(microseconds: Int64, milliseconds: Int64) {
        let instant = Instant(microseconds: microseconds)
        for result in [
            instant, instant.adding(milliseconds: milliseconds), instant.deadline(afterMs: milliseconds),
            instant.plausible(receivedAt: Instant(microseconds: milliseconds)),
        ] {
            let text = result.rfc3339
            #expect(Instant(rfc3339: text)?.rfc3339 == text)
            let bytes = Array(text.utf8)
            #expect(Instant(canonical: bytes.span)?.rfc3339 == text)
        }
        let other = Instant(microseconds: milliseconds)
        let difference = instant.milliseconds(since: other)
        #expect((difference >= 0) == (instant >= other))
    }

    @Test("a time that its offset takes out of the years 1 to 9999 is refused")
    func offsets() {
        #expect(Instant(rfc3339: "9999-12-31T23:59:59-12:00") == nil)
        #expect(Instant(rfc3339: "0001-01-01T00:00:00+14:00") == nil)
        #expect(Instant(rfc3339: "0001-01-01T14:00:00+14:00")?.rfc3339 == "0001-01-01T00:00:00.000000Z")
    }

    @Test("a source's time is believed from 1990 to five minutes after its receipt; deadlines end in 9999")
    func plausible() throws {
        let received = try #require(Instant(rfc3339: "2026-11-30T12:00:00Z"))
        for (text, held) in [
            ("0001-01-01T00:00:00Z", "1990-01-01T00:00:00.000000Z"),
            ("1969-12-31T23:59:59Z", "1990-01-01T00:00:00.000000Z"),
            ("9999-12-31T23:59:59Z", "2026-11-30T12:05:00.000000Z"),
            ("2026-11-30T12:05:00.000001Z", "2026-11-30T12:05:00.000000Z"),
        ] {
            let instant = try #require(Instant(rfc3339: text))
            #expect(instant.isSuspect(receivedAt: received))
            #expect(instant.plausible(receivedAt: received).rfc3339 == held)
        }
        for text in ["1990-01-01T00:00:00Z", "2026-11-30T12:05:00Z", "2026-11-30T23:59:60+14:00"] {
            let instant = try #require(Instant(rfc3339: text))
            #expect(!instant.isSuspect(receivedAt: received))
        }
        #expect(try #require(Instant(rfc3339: "9999-12-31T00:00:00Z")).deadline(afterMs: 1) == .lastDeadline)
        #expect(received.deadline(afterMs: .max) == .lastDeadline)
        #expect(received.deadline(afterMs: .min) == .plausibleSince)
    }

    @Test("milliseconds are rounded down, before the start as well")
    func milliseconds() {
        let start = Instant(microseconds: 1_000_000)
        #expect(Instant(microseconds: 1_001_999).milliseconds(since: start) == 1)
        #expect(Instant(microseconds: 999_999).milliseconds(since: start) == -1)
    }
}

@Suite("Derived ids and digests")
struct IdentifierTests {
    @Test("UUIDv5 gives RFC 9562's example (appendix A.4)")
    func version5() {
        let dns = UUID(uuidString: "6ba7b810-9dad-11d1-80b4-00c04fd430c8")!
        #expect(UUID.v5(namespace: dns, name: "www.example.com").lowercased == "2ed6657d-e927-568b-95e1-2665a8aea6a2")
    }

    @Test("UUIDv7 carries its millisecond and sorts by time (RFC 9562 appendix A.6)")
    func version7() {
        let instant = Instant(rfc3339: "2022-02-22T14:22:22-05:00")!
        let id = UUID.v7(at: instant)
        #expect(id.lowercased.hasPrefix("017f22e2-79b0-7"))
        #expect(id.bytes[8] & 0xC0 == 0x80)
        #expect(UUID.v7(at: instant.adding(milliseconds: 1)).lowercased > id.lowercased)
    }

    @Test("a digest's text is read back, and other texts are refused")
    func digest() {
        let digest = Digest.sha256(Array("abc".utf8))
        #expect(digest.text == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(text: digest.text) == digest)
        #expect(Digest(text: "sha256:ba78") == nil)
        #expect(Digest(text: "md5:" + digest.bytes.hexadecimal) == nil)
    }
}

@Suite("Entities")
struct EntityTests {
    @Test(
        "two spellings of one thing have one key",
        arguments: [
            (.ip, "::ffff:203.0.113.9", "203.0.113.9"), (.ip, "2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            (.ip, "0:0:0:0:0:0:0:0", "::"), (.ip, "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            (.device, " Web-1.Example.COM. ", "web-1.example.com"), (.email, "A@B.C", "a@b.c"),
            (.user, "JDoe", "JDoe"), (.ip, "10.0.0.01", "10.0.0.01"),
        ] as [(Entity.EntityType, String, String)])
    func keys(type: Entity.EntityType, value: String, key: String) {
        #expect(Entity(type: type, value: value, role: .target).key.value == key)
    }
}
