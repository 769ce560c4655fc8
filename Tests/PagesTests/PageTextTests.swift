import Events
import Foundation
import JSON
import Testing

@testable import Pages

@Suite("Text on a page")
struct PageTextTests {
    @Test(
        "no text leaves its element or its attribute",
        arguments: [
            ("<b>", "&lt;b&gt;"), ("a & b", "a &amp; b"), ("\"'`", "&quot;&#39;&#96;"),
            // One Character each for Swift; two scalars for a browser.
            ("\"\u{301} onmouseover=x", "&quot;\u{301} onmouseover=x"), ("<\u{338}script>", "&lt;\u{338}script&gt;"),
            ("'\u{FE0F}", "&#39;\u{FE0F}"), ("&\u{200D}", "&amp;\u{200D}"),
        ])
    func escaping(text: String, escaped: String) {
        #expect(PageText.escape(text) == escaped)
        #expect(Array(PageText.escape(text).utf8) == Array(escaped.utf8))
    }

    @Test(
        "what would be read otherwise than it is there is marked",
        arguments: ["\u{202E}", "\u{2066}", "\u{0}", "\u{85}"])
    func unreadable(mark: String) {
        #expect(PageText.escape("web-1\(mark)gnp.exe") == "web-1\u{FFFD}gnp.exe")
        #expect(PageText.escape("line\n\tline") == "line\n\tline")
    }

    @Test("every value of a model goes through it, in partials too")
    func templates() throws {
        let pages = try Pages()
        let frame = PageFrame(
            title: "</title><script>", place: nil, viewer: nil, now: Instant(microseconds: 1_000_000))
        let html = pages.render(
            "message",
            frame.model(
                [
                    "heading": "\"\u{301} onload=1", "detail": "<i>", "status": 0, "trace": nil, "is_signed_in": false,
                ], assets: pages.assets))
        #expect(html.contains("&quot;\u{301} onload=1"))
        #expect(html.contains("<title>&lt;/title&gt;&lt;script&gt;"))
        #expect(html.contains("&lt;i&gt;"))
        // 0 is something, null is nothing.
        #expect(html.contains("<p class=\"message-code num\">0</p>"))
        #expect(!html.contains("Trace"))
    }
}

@Suite("The files of the pages")
struct PageFileTests {
    @Test("no template can write a value unescaped, and none holds a script or a style of its own")
    func templates() {
        #expect(Templates.files.count > 10)
        for file in Templates.files {
            for forbidden in ["{{{", "{{&", "style=", "<style", "javascript:", "{{%", "<script>", "onclick", "onload"] {
                #expect(!file.text.contains(forbidden), "\(file.path) holds \(forbidden)")
            }
            // Values stand in quoted attributes only.
            #expect(file.text.firstMatch(of: /=\{\{/) == nil, "\(file.path) has an attribute without quotes")
        }
        let names = Templates.files.compactMap { $0.path.split(separator: "/").last }
        #expect(Set(names).count == names.count, "two templates have one name")
    }

    @Test("no page, sheet or script names another server")
    func network() {
        for file in Templates.files + Assets.files {
            let addresses = file.text.matches(of: /https?:\/\/[a-z0-9.\-]+/).map { String($0.output) }
            #expect(addresses.allSatisfy { $0 == "http://www.w3.org" }, "\(file.path): \(addresses)")
        }
    }

    @Test("an asset's address changes with its text")
    func addresses() throws {
        let assets = try Pages().assets
        #expect(assets.names == ["docket.css", "docket.js", "icon.svg", "theme.js"])
        let address = assets.address(of: "docket.css")
        #expect(address.hasPrefix("/static/docket.css?v="))
        #expect(address.utf8.count == "/static/docket.css?v=".utf8.count + 12)
    }
}

@Suite("Words and addresses of pages")
struct WordTests {
    @Test(
        "durations in the two largest units that say something",
        arguments: [
            (812, "812 ms"), (3_240, "3.2 s"), (45_000, "45 s"), (61_000, "1 min 1 s"), (900_000, "15 min"),
            (15_120_000, "4 h 12 min"), (172_800_000, "2 d"), (180_000_000, "2 d 2 h"),
        ])
    func durations(ms: Double, text: String) {
        #expect(Words.duration(ms: ms) == text)
    }

    @Test("names of the API become words")
    func names() {
        #expect(Words.sentence("cloud_containment") == "Cloud containment")
        #expect(Words.inline("two_person") == "two people")
        #expect(Words.inline("ip") == "IP address")
        #expect(Words.event("sla.breached") == "SLA breached")
    }

    @Test(
        "links lead to http and https only, without a name or a password",
        arguments: [
            ("https://example.org/a?b=c", true), ("http://example.org", true), ("javascript:alert(1)", false),
            ("JaVaScRiPt:alert(1)", false), ("data:text/html,x", false), ("https://user:pass@example.org", false),
            ("//example.org", false), ("https:", false), ("", false),
        ])
    func outside(text: String, isLink: Bool) {
        #expect((Address.outside(text) != nil) == isLink)
    }

    @Test("a value never becomes structure of an address")
    func query() {
        #expect(Address.query([("entity", "a&b=c#d/\u{301}")]) == "entity=a%26b%3Dc%23d%2F%CC%81")
    }
}
