import Foundation
import JSON
import Testing

@Suite("Ids as text")
struct UUIDTextTests {
    @Test("are written as Foundation writes them, in lower case, and read in either case")
    func roundTrip() {
        for _ in 0..<1_000 {
            let id = UUID()
            #expect(id.lowercaseText == id.uuidString.lowercased())
            #expect(UUID(text: id.lowercaseText) == id)
            #expect(UUID(text: id.uuidString) == id)
        }
    }

    @Test(
        "what is no id is refused",
        arguments: [
            "", "0190f0a0-0000-7000-8000-00000000000", "0190f0a0-0000-7000-8000-0000000000000",
            "0190f0a00000-7000-8000-000000000000-", "0190f0a0-0000-7000-8000-00000000000g",
            "{190f0a0-0000-7000-8000-000000000000", "0190f0a0-0000-7000-8000-0000000000é",
            " 190f0a0-0000-7000-8000-000000000000",
        ])
    func refused(_ text: String) {
        #expect(UUID(text: text) == nil)
    }
}
