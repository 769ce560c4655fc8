import Events
import Foundation
import JSON
import SeededChance
import Testing

@testable import Reactors

@Suite("What mentions a subject")
struct SubjectTextTests {
    private func text(_ type: Entity.EntityType, _ value: String) -> SubjectText {
        SubjectText(EntityKey(type: type, value: Entity.normalize(value, as: type)), asGiven: value)
    }

    static let mentions: [(Entity.EntityType, String, String)] = [
        (.user, "ada.lovelace", "ada.lovelace"), (.user, "ada.lovelace", #"{"user":"ADA.Lovelace"}"#),
        (.user, "ada.lovelace", "mail to ada.lovelace@corp.example"), (.user, "al", "user al logged on"),
        (.user, #"CORP\ada"#, #"{"user":"CORP\\ada"}"#),
        (.user, #"CORP\ada"#, #"{"message":"{\"user\":\"CORP\\\\ada\"}"}"#),
        (.user, "ada", #"{"text":"line\nada"}"#), (.user, "jürgen", #"{"user":"J\u00dcRGEN"}"#),
        (.user, "jürgen", "ju\u{0308}rgen was here"), (.user, "ada.lovelace", "https://x.example/u/ada%2Elovelace/1"),
        (.user, "ada.lovelace", "svc_ada.lovelace_old"), (.device, "WEB-1.corp.", "host web-1.corp went away"),
        (.ip, "10.0.0.1", "from 10.0.0.1:22"), (.ip, "2001:db8::1", "from [2001:DB8:0:0:0:0:0:1] port 22"),
        (.user, "ada.lovelace", Data("x ada.lovelace".utf8).base64EncodedString()),
        (.user, "ada.lovelace", Data("xy ADA.LOVELACE y".utf8).base64EncodedString()),
        (.user, "ada.lovelace", "blob=" + Array("ada.lovelace".utf8).hexadecimal),
        (
            .user, "ada.lovelace",
            Data("a ada.lovelace".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }).base64EncodedString()
        ),
    ]

    @Test("however it is written", arguments: mentions)
    func found(type: Entity.EntityType, value: String, in content: String) {
        #expect(text(type, value).isMentioned(in: Array(content.utf8)))
    }

    static let others: [(Entity.EntityType, String, String)] = [
        (.user, "al", "alert for everybody"), (.user, "ada", "canada"), (.ip, "10.0.0.1", "10.0.0.10 and 110.0.0.1"),
        (.user, "ada", "adä"), (.user, "ada", "ada7"), (.user, "ada.lovelace", "ada-lovelace"),
        (.user, "ada", Data("ada".utf8).base64EncodedString()), (.ip, "2001:db8::1", "2001:db8::11"), (.user, "x", ""),
    ]

    @Test("and not what only looks like it", arguments: others)
    func passed(type: Entity.EntityType, value: String, in content: String) {
        #expect(!text(type, value).isMentioned(in: Array(content.utf8)))
    }

    @Test("in UTF-16 as it comes from some machines, and in bytes that are no text at all")
    func bytes() {
        let subject = text(.user, "ada.lovelace")
        for isBig in [false, true] {
            let bytes = "user ada.lovelace".utf16.flatMap { unit -> [UInt8] in
                let pair = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
                return isBig ? pair.reversed() : pair
            }
            #expect(subject.isMentioned(in: bytes))
        }
        #expect(subject.isMentioned(in: [0xFF, 0xC3] + Array("ada.lovelace".utf8) + [0xE2, 0x82]))
        #expect(!subject.isMentioned(in: (0..<5_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }))
    }

    @Test("wherever it is put, in up to three layers of JSON, escaped, in a URL, or encoded", arguments: 0..<200)
    func anywhere(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
        let letters = Array("abcdefghijklmnopqrstuvwxyz.-_@\\\"/ äßéй日")
        let inner = String(
            (0..<Int.random(in: 4...20, using: &random)).map { _ in letters.randomElement(using: &random)! })
        let value = "a" + inner.replacing(" ", with: "x") + "z"
        let subject = text(.user, value)
        var content = [value, value.uppercased(), value.lowercased()].randomElement(using: &random)!
        switch Int.random(in: 0..<4, using: &random) {
        case 0: content = content.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? content
        case 1:
            let before = String(repeating: "#", count: Int.random(in: 0...4, using: &random))
            content = Data("\(before)\(content)!".utf8).base64EncodedString()
        case 2: content = content.utf16.map { "\\u" + String(UInt32($0) + 0x10000, radix: 16).suffix(4) }.joined()
        default: break
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            content = JSONValue.object(["k": .string("before \(content) after"), "other": 1]).canonicalString()
        }
        #expect(subject.isMentioned(in: Array(content.utf8)), "seed \(seed): \(value) in \(content)")
        #expect(!subject.isMentioned(in: Array(content.replacing(content, with: "nothing of the kind").utf8)))
    }
}
