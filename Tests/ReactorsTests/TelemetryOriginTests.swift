import Detection
import Events
import Intake
import JSON
import Testing

@testable import Reactors

@Suite("Records judged as they stand")
struct TelemetryOriginTests {
    private static let rules = """
        title: r
        id: r
        logsource: {product: windows}
        detection: {s: {a: bad}, condition: s}
        ---
        title: c
        id: c
        logsource: {product: aws, service: cloudtrail}
        detection: {s: {eventName: DeleteTrail}, condition: s}
        ---
        title: k
        id: k
        logsource: {product: kubernetes, service: audit}
        detection: {s: {verb: delete}, condition: s}
        ---
        title: o
        id: o
        logsource: {product: okta}
        detection: {s: {a: bad}, condition: s}
        ---
        title: l
        id: l
        logsource: {product: linux}
        detection: {s: {src_ip: 203.0.113.7}, condition: s}
        """

    /// Every item, by each origin: what the quick way and the slow one make of it.
    @Test("whatever a record is, it is counted and matched as if each had been looked at")
    func sameAsSlow() async throws {
        let items = [
            #"{"EventID":1,"Channel":"Security","a":"bad"}"#, #"{"EventID":1,"Channel":"Security","a":"good"}"#,
            #"{"EventID":1,"a":"bad"}"#, #"{"EventID":1,"Channel":"","a":"bad"}"#,
            #"{"x":{"EventID":1,"Channel":"S"},"a":"bad"}"#,
            #"{"eventName":"DeleteTrail","eventSource":"x","userIdentity":{}}"#,
            #"{"Records":[{"eventName":"DeleteTrail","eventSource":"x","userIdentity":{}},{"eventName":"b","eventSource":"x","userIdentity":{}}]}"#,
            #"{"event":{"eventName":"DeleteTrail","eventSource":"x","userIdentity":{}}}"#,
            #"{"detail":{"eventName":"DeleteTrail","eventSource":"x","userIdentity":{}}}"#,
            #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"delete","user":{"username":"u"}}"#,
            #"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"kind":"Event","verb":"delete","user":{}},{"kind":"Event","verb":"get","user":{}}]}"#,
            #"{"program":"sshd","message":"Failed password for root from 203.0.113.7 port 22 ssh2"}"#, #"{"a":"bad"}"#,
            "[1]", "1", "{",
            #"{"a":"bad","a":"good"}"#, #"{"a":1e999}"#, "null",
        ]
        let files = SigmaDocument.documents(in: Self.rules, file: "r").map { $0.contents() }
        let active = ActiveRules(digest: Digest.sha256([]), files: files)
        let now = Instant(microseconds: 0)
        for origin in TelemetrySource.allCases.map({ TelemetryOrigin(source: $0) }) + [
            .unknown, TelemetryOrigin(logsource: Logsource(product: "okta")),
            TelemetryOrigin(logsource: Logsource(product: "linux")),
        ] {
            for item in items {
                let bytes = Array(item.utf8)
                var quick = TelemetryWorker(origin: origin, rules: active, receivedAt: now)
                var slow = TelemetryWorker(origin: origin, rules: active, receivedAt: now, looksAtEach: true)
                let one = quick.evaluate(bytes, [0..<bytes.count])
                let two = slow.evaluate(bytes, [0..<bytes.count])
                #expect(one.received == two.received, "\(origin.text) \(item)")
                #expect(one.broken == two.broken, "\(origin.text) \(item)")
                #expect(one.matched.map(\.rules) == two.matched.map(\.rules), "\(origin.text) \(item)")
                #expect(one.matched.map(\.digest) == two.matched.map(\.digest), "\(origin.text) \(item)")
                #expect(one.matched.map(\.fields) == two.matched.map(\.fields), "\(origin.text) \(item)")
            }
        }
    }
}
