import Testing

@testable import Proof

/// The vectors of C2SP signed-note and tlog-checkpoint, and of Go's golang.org/x/mod/sumdb/note.
@Suite struct NoteTests {
    static let peterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    static let peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    static let enochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
    static let text =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    static let peterLine =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    static let enochLine =
        "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

    private func note(_ text: String) throws -> SignedNote { try SignedNote(Array(text.utf8)) }

    @Test("a verifier key reads and writes, and no part or neighbour of its text is one")
    func verifierKeys() throws {
        #expect(try VerifierKey(text: Self.peterKey).text == Self.peterKey)
        let bytes = Array(Self.peterKey.utf8)
        for from in 0...bytes.count {
            for to in from...bytes.count where from != 0 || to != bytes.count {
                let part = String(decoding: bytes[from..<to], as: UTF8.self)
                #expect(throws: ProofError.self) { try VerifierKey(text: part) }
            }
        }
        for index in bytes.indices {
            var changed = bytes
            changed[index] += 1
            #expect(throws: ProofError.self) { try VerifierKey(text: String(decoding: changed, as: UTF8.self)) }
        }
        for key in [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            #expect(throws: ProofError.self) { try VerifierKey(text: key) }
        }
    }

    @Test("a private key signs as Go does, byte for byte")
    func signing() throws {
        let key = try SigningKey(text: Self.peterSecret)
        #expect(key.text == Self.peterSecret)
        #expect(key.verifierKey.text == Self.peterKey)
        let note = try SignedNote(text: Self.text, signedBy: [key])
        #expect(String(decoding: note.bytes, as: UTF8.self) == Self.text + "\n" + Self.peterLine)
        #expect(throws: ProofError.self) { try SignedNote(text: "no newline", signedBy: [key]) }
        #expect(throws: ProofError.self) { try SignedNote(text: "a\u{1}b\n", signedBy: [key]) }
        #expect(throws: ProofError.self) { try SigningKey(name: "a b") }
    }

    @Test("known keys verify, unknown ones are passed over, none known refuses")
    func verifying() throws {
        let peter = try VerifierKey(text: Self.peterKey)
        let enoch = try VerifierKey(text: Self.enochKey)
        let both = try note(Self.text + "\n" + Self.peterLine + Self.enochLine)
        #expect(both.text == Self.text && both.signatures.count == 2)
        #expect(try both.verify(by: [peter]) == [peter])
        #expect(try both.verify(by: [enoch]) == [enoch])
        #expect(try both.verify(by: [enoch, peter]) == [peter, enoch])
        #expect { try both.verify(by: []) } throws: { ($0 as? ProofError)?.code == .unknownKey }
        #expect(Array((Self.text + "\n" + Self.peterLine + Self.enochLine).utf8) == both.bytes)
    }

    @Test("a wrong signature of a known key refuses the note, also beside a right one")
    func wrongSignatures() throws {
        let peter = try VerifierKey(text: Self.peterKey)
        let enoch = try VerifierKey(text: Self.enochKey)
        let other = try note(Self.text.replacing("problem", with: "Problem") + "\n" + Self.peterLine)
        #expect { try other.verify(by: [peter]) } throws: { ($0 as? ProofError)?.code == .signature }
        let spoiled = Self.enochLine.replacing("/5n2t", with: "/5n3t")
        let mixed = try note(Self.text + "\n" + Self.peterLine + spoiled)
        #expect { try mixed.verify(by: [peter, enoch]) } throws: { ($0 as? ProofError)?.code == .signature }
        #expect(try mixed.verify(by: [peter]) == [peter])
        let misnamed = try note(Self.text + "\n" + Self.peterLine.replacing("PeterNeumann", with: "CarmenSandiego"))
        #expect { try misnamed.verify(by: [peter]) } throws: { ($0 as? ProofError)?.code == .unknownKey }
        let wrongID = try note(Self.text + "\n" + Self.peterLine.replacing("x08g", with: "xxxx"))
        #expect { try wrongID.verify(by: [peter]) } throws: { ($0 as? ProofError)?.code == .unknownKey }
    }

    @Test("what is no note is refused")
    func malformed() {
        let line = Self.peterLine
        for bad in [
            Self.text, Self.text + "\n", Self.text + "\n" + line.dropLast(), "\u{1}" + Self.text + "\n" + line,
            Self.text
                + "\n— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=",
            Self.text + "\n" + line + "Unexpected line.\n", Self.text + "\n" + line.replacing("— ", with: "- "),
            Self.text + "\n" + line.replacing("— ", with: "—  "), "\n\n" + line.replacing("\n", with: ""),
            Self.text + "\n" + line.replacing("=", with: ""), Self.text + "\n— a AAAA\n",
            Self.text + "\n" + line + "\n",
            Self.text + "\n" + String(repeating: line, count: 101),
            Self.text.replacing("\n", with: "\r\n") + "\n" + line,
        ] {
            #expect(throws: ProofError.self, "\(bad.debugDescription)") { try SignedNote(Array(bad.utf8)) }
        }
        #expect(throws: ProofError.self) { try SignedNote([0xFF] + Array((Self.text + "\n" + line).utf8)) }
    }

    @Test("the examples of the specification verify")
    func specification() throws {
        let foo = try VerifierKey(text: "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
        let signed = try note(
            "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
        )
        #expect(try signed.verify(by: [foo]) == [foo])
        let poem = try note(
            "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
        )
        #expect(poem.text.hasSuffix("sole:\n\ned è subito sera.\n"))
        #expect(poem.signatures.first?.keyID == 0x367B_A04B)
        let tree = try note(
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        )
        let checkpoint = try Checkpoint(text: tree.text)
        #expect(checkpoint.origin == "example.com/behind-the-sofa" && checkpoint.size == 20_852_163)
        #expect(checkpoint.text == tree.text)
    }

    @Test(
        "what is no checkpoint is refused",
        arguments: [
            "", "a\n", "a\n1\n", "a\n1\n\n", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
            "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nb\n",
            "a\n99999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "a\n1\nAAAA\n",
        ])
    func strangeCheckpoints(text: String) {
        #expect(throws: ProofError.self) { try Checkpoint(text: text) }
    }

    @Test("any single changed byte of a signed checkpoint refuses it or leaves text and keys as they were")
    func fuzz() throws {
        let key = try SigningKey(name: "docket.example/log", seed: Array(1...32))
        let witness = try SigningKey(name: "witness.example", seed: Array(2...33))
        let checkpoint = Checkpoint(origin: "docket.example/t1", size: 4711, root: .empty, extensions: ["x"])
        let bytes = try checkpoint.signed(by: [key, witness]).bytes
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                // What passes can only be the same checkpoint, with one signature made unrecognizable.
                do throws(ProofError) {
                    let note = try SignedNote(changed)
                    let known = [key.verifierKey, witness.verifierKey]
                    #expect(try note.verify(by: known).count == 1, "byte \(index), bit \(bit)")
                    #expect(try Checkpoint(text: note.text) == checkpoint)
                } catch {
                    #expect(["malformed", "signature", "unknownKey"].contains(error.code.rawValue))
                }
            }
        }
    }

    @Test("trust goes from key to key over signed handovers, in any order, and not to other logs")
    func handovers() throws {
        let keys = try (1...4).map { try SigningKey(name: "log", seed: Array(repeating: UInt8($0), count: 32)) }
        let first = try KeyHandover(origin: "o", successor: keys[1].verifierKey).signed(by: [keys[0], keys[1]])
        let second = try KeyHandover(origin: "o", successor: keys[2].verifierKey).signed(by: [keys[1]])
        let selfMade = try KeyHandover(origin: "o", successor: keys[3].verifierKey).signed(by: [keys[3]])
        let elsewhere = try KeyHandover(origin: "p", successor: keys[3].verifierKey).signed(by: [keys[0]])
        let trusted = KeyHandover.trusted(
            from: [keys[0].verifierKey], over: [second, selfMade, first, elsewhere], origin: "o")
        #expect(trusted == keys[0...2].map(\.verifierKey))
        #expect(throws: ProofError.self) { try Checkpoint(text: first.text) }
        #expect(try KeyHandover(text: first.text).text == first.text)
    }
}
