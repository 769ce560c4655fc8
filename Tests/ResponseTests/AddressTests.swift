import Events
import Testing

@testable import Response

@Suite("AddressPolicy")
struct AddressTests {
    @Test(
        "only what is an address reads as one",
        arguments: [
            ("192.0.2.1", true), ("0.0.0.0", true), ("255.255.255.255", true), ("256.0.0.1", false), ("1.2.3", false),
            ("1.2.3.4.5", false), ("01.2.3.4", false), ("0x7f.0.0.1", false), ("2130706433", false),
            ("1.2.3.4 ", false),
            ("+1.2.3.4", false), ("::", true), ("::1", true), ("2001:db8::1", true), ("1:2:3:4:5:6:7:8", true),
            ("1:2:3:4:5:6:7", false), ("1:2:3:4:5:6:7:8:9", false), ("1::2::3", false), ("::ffff:127.0.0.1", true),
            ("::127.0.0.1.1", false), ("fe80::1%eth0", false), ("g::1", false), ("12345::", false), (":1::", false),
            ("::+1", false), ("1:2:3:4:5:6:7::8", false), ("", false), ("localhost", false),
        ])
    func parsing(text: String, isAddress: Bool) {
        #expect((IPAddress(text) != nil) == isAddress)
    }

    @Test(
        "a block holds its addresses and no others",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3/8", "10.9.9.9", true),
            ("192.168.1.0/25", "192.168.1.127", true), ("192.168.1.0/25", "192.168.1.128", false),
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("fd00::/8", "fdff::1", true), ("fd00::/8", "fc00::1", false), ("2001:db8::/33", "2001:db8:8000::", false),
        ])
    func blocks(block: String, address: String, isInside: Bool) throws {
        #expect(try #require(CIDR(block)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        "what is no block is none",
        arguments: ["10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "10/8", "/8", "1.2.3.4/+8"])
    func noBlocks(text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(
        "only public addresses may be reached",
        arguments: [
            ("8.8.8.8", true), ("2606:4700::1111", true), ("172.32.0.1", true), ("100.128.0.1", true),
            ("127.0.0.1", false), ("127.255.255.254", false), ("10.0.0.1", false), ("172.16.0.1", false),
            ("172.31.255.255", false), ("192.168.0.1", false), ("169.254.169.254", false), ("100.64.0.1", false),
            ("0.0.0.0", false), ("224.0.0.1", false), ("255.255.255.255", false), ("198.18.0.1", false),
            ("::1", false), ("::", false), ("fe80::1", false), ("fc00::1", false), ("fd00:ec2::254", false),
            ("ff02::1", false), ("::ffff:127.0.0.1", false), ("::ffff:169.254.169.254", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false), ("64:ff9b::808:808", true), ("2002:7f00:1::", false), ("2002:a00:1::", false),
            ("::7f00:1", false), ("2001:db8::1", false), ("4000::1", false),
        ])
    func policy(address: String, isPermitted: Bool) throws {
        #expect(AddressPolicy().permits(try #require(IPAddress(address))) == isPermitted)
    }

    @Test("an allowed block opens that block and nothing else")
    func allowed() throws {
        let policy = AddressPolicy(allowed: [try #require(CIDR("127.0.0.0/8"))])
        #expect(policy.permits(try #require(IPAddress("127.0.0.1"))))
        #expect(policy.permits(try #require(IPAddress("::ffff:127.0.0.1"))))
        #expect(!policy.permits(try #require(IPAddress("10.0.0.1"))))
        #expect(!policy.permits(try #require(IPAddress("::1"))))
    }

    @Test(
        "an id becomes one path segment",
        arguments: [
            ("shop/miner-7", "shop%2Fminer-7"), ("a b", "a%20b"), ("x?y#z", "x%3Fy%23z"),
            ("2001:db8::1", "2001%3Adb8%3A%3A1"),
            ("ü", "%C3%BC"), ("a\r\nHost: evil", "a%0D%0AHost%3A%20evil"), ("..%2f", "..%252f"),
            ("A-z_0.9~", "A-z_0.9~"),
        ])
    func segments(id: String, encoded: String) {
        #expect(GuardedHTTPClient.encode(id) == encoded)
    }
}
