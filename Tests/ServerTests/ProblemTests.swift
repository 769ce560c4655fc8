import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Postgres
import Projections
import Reactors
import TestSupport
import Testing

@testable import Server

@Suite("Problems", .served, .timeLimit(.minutes(25)))
struct ProblemTests {
    @Test("what is not there, and what does not take that method")
    func routing() async throws {
        try await TestServer.run { server in
            let nothing = try await server.get("/v1/nothing")
            #expect(nothing.problem == "not-found")
            #expect(nothing["/instance"] == "/v1/nothing")
            #expect(nothing["/errors"] == [])
            for (method, path, allow) in [
                (HTTPRequest.Method.delete, "/v1/cases", "GET, HEAD"), (.put, "/v1/cases/x", "GET, HEAD, PATCH"),
                (.get, "/v1/cases/x:close", "POST"), (.get, "/v1/alerts:batch", "POST"),
                (.post, "/healthz", "GET, HEAD"),
            ] {
                let answer = try await server.send(method, path, as: .role(.analyst))
                #expect(answer.status == 405, "\(path)")
                #expect(answer.problem == "method-not-allowed")
                #expect(answer.headers[.allow] == allow, "\(path)")
            }
            #expect(try await server.send(.head, "/v1/cases", as: .role(.analyst)).status == 200)
            #expect(try await server.post("/v1/cases/x:explode", [:]).status == 405)
        }
    }

    @Test("a trace that came in goes out, and each answer has one")
    func traces() async throws {
        try await TestServer.run { server in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await server.get(
                "/v1/nothing", headers: [HTTPField.Name("traceparent")!: "00-\(trace)-00f067aa0ba902b7-01"])
            #expect(answer["/trace_id"]?.stringValue == trace)
            let without = try await server.get("/v1/nothing", headers: [HTTPField.Name("traceparent")!: "nonsense"])
            #expect(without["/trace_id"]?.stringValue?.count == 32)
            let id = try await server.openCase()
            _ = try await server.post(
                "/v1/cases/\(id)/comments", ["text": "Hi."],
                headers: [HTTPField.Name("traceparent")!: "00-\(trace)-00f067aa0ba902b7-01"])
            #expect(try await server.events(.caseCommented).first?.traceID == trace)
        }
    }

    @Test(
        "bodies of commands that cannot be read",
        arguments: [
            ([UInt8]("{".utf8), 400, "malformed-body"), ([0x22, 0xFF, 0x22], 400, "malformed-body"),
            ([UInt8](#"{"text":"a","text":"b"}"#.utf8), 400, "malformed-body"),
            ([UInt8](#"{"text":"a\u0000b"}"#.utf8), 422, "validation-failed"),
            ([UInt8](#"{"text":"\ud800"}"#.utf8), 422, "validation-failed"),
            ([UInt8](#"{"text":"a","n":9007199254740993}"#.utf8), 422, "validation-failed"),
            (
                [UInt8]((String(repeating: "[", count: 65) + String(repeating: "]", count: 65)).utf8), 413,
                "body-too-large"
            ),
            ([UInt8](repeating: 0x20, count: 1_048_577), 413, "body-too-large"),
            ([UInt8]("{}".utf8), 422, "validation-failed"), ([], 422, "validation-failed"),
        ])
    func bodies(bytes: [UInt8], status: Int, problem: String) async throws {
        try await TestServer.run { server in
            let answer = try await server.send(
                .post, "/v1/cases/\(UUID().lowercased)/comments", as: .role(.analyst), bytes: bytes,
                headers: [.contentType: "application/json"])
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.problem == problem)
        }
    }

    @Test("the server says how it is, in words that machines read")
    func health() async throws {
        try await TestServer.run { server in
            #expect(try await server.get("/healthz", as: .nobody).status == 200)
            let ready = try await server.get("/readyz", as: .nobody)
            #expect(ready.status == 200, "\(ready.text)")
            _ = try await server.get("/v1/cases")
            _ = try await server.send(try #require(HTTPRequest.Method("BREW")), "/v1/cases", as: .nobody)
            let metrics = try await server.get("/metrics", as: .nobody)
            #expect(metrics.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
            #expect(
                metrics.text.contains(#"docket_http_requests_total{method="GET",route="/v1/cases",status="200"} 1"#))
            #expect(metrics.text.contains(#"method="OTHER""#))
            #expect(!metrics.text.contains("BREW"))
            #expect(metrics.text.contains(#"docket_projection_lag_events{projection="cases"}"#))
            #expect(!metrics.text.contains(server.tenant.lowercased))
            await server.database.close()
            #expect(try await server.get("/readyz", as: .nobody).status == 503)
            let away = try await server.get("/v1/me", as: .role(.analyst))
            #expect(away.status == 503)
            #expect(away.problem == "database-unavailable")
            #expect(away.headers[.retryAfter] != nil)
            #expect(!away.text.contains("SELECT"))
        }
    }

    /// What is known of a request that could not be recorded: the reason, and whether anything was recorded.
    static let unavailable: [(error: any Error & Sendable, reason: String, recorded: JSONValue, says: String)] = [
        (EventLogError(.clockBehind, "x"), "clock_off", false, "clock"),
        (EventLogError(.fenced, "x"), "fenced", false, "was moved"),
        (EventLogError(.queueFull, "x"), "queue_full", false, "Too much is waiting"),
        (EventLogError(.unavailable, "x", cause: serverError("53100")), "disk_full", false, "disk is full"),
        (EventLogError(.unavailable, "x"), "database_away", false, "does not answer"),
        (EventLogError(.cancelled, "x"), "ended", false, "given up"),
        (EventLogError(.outcomeUnknown, "x"), "outcome_unknown", .null, "the same Idempotency-Key"),
        (serverError("53100"), "disk_full", false, "disk is full"),
        (serverError("55P03"), "database_busy", false, "held by other work"),
        (serverError("57014"), "database_busy", false, "held by other work"),
        (PostgresError(.timeout, "x"), "database_busy", false, "Nothing was recorded"),
        (serverError("57P03"), "database_away", false, "does not answer"),
        (PostgresError(.commitUnknown, "x"), "outcome_unknown", .null, "It is not known"),
        (PostgresError(.connectionFailed, "x"), "database_away", false, "Nothing was recorded"),
        (CancellationError(), "ended", .null, "It is not known"),
    ]

    private static func serverError(_ state: String) -> PostgresError {
        PostgresError(.server, "SELECT secret", sqlState: state)
    }

    @Test("a 503 says why, and what is known of the request", arguments: unavailable.indices)
    func whatIsKnown(index: Int) throws {
        let expected = Self.unavailable[index]
        let problem = Problem(expected.error)
        #expect(problem.type.status == 503)
        #expect(problem.members["reason"] == .string(expected.reason))
        #expect(problem.members["recorded"] == expected.recorded)
        #expect(problem.detail.contains(expected.says), "\(problem.detail)")
        #expect(!problem.detail.contains("secret"))
        let why = try #require(problem.unavailability)
        #expect(why.problem(.none).members["recorded"] == false, "who reads records nothing")
        #expect(why.problem(.parts).members["recorded"] == .null, "a part was recorded before")
    }

    @Test("the details tell the reasons from each other")
    func reasons() {
        let texts = Unavailability.Reason.allCases.map(\.text)
        #expect(Set(texts).count == texts.count)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var error: any Error & Sendable
        var problem: String
        var status: Int
        var testDescription: String { problem }

        init(_ error: any Error & Sendable, _ problem: String, _ status: Int) {
            self.error = error
            self.problem = problem
            self.status = status
        }
    }

    @Test(
        "every error has its problem",
        arguments: [
            Case(Rejection.notFound, "not-found", 404),
            Case(Rejection.roleInsufficient(needed: ["lead"]), "role-insufficient", 403),
            Case(Rejection.selfApproval, "self-approval", 403),
            Case(Rejection.approverExcluded(reason: "requester"), "approver-excluded", 403),
            Case(Rejection.alreadyDecided, "already-decided", 409), Case(Rejection.legalHold, "legal-hold", 409),
            Case(Rejection.alreadyRolledBack, "already-rolled-back", 409),
            Case(Rejection.irreversibleAction([]), "irreversible-action", 422),
            Case(Rejection.evidenceMissing([]), "evidence-missing", 422),
            Case(StaleVersion(current: 3), "precondition-failed", 412),
            Case(EventLogError(.queueFull, "x"), "queue-full", 503),
            Case(EventLogError(.unavailable, "x"), "database-unavailable", 503),
            Case(EventLogError(.corrupt, "SELECT secret"), "internal", 500),
            Case(ProjectionError(.behind, "x"), "projection-behind", 503),
            Case(ProjectionError(.malformedCursor, "x"), "validation-failed", 422),
            Case(PostgresError(.connectionFailed, "x"), "database-unavailable", 503),
            Case(PostgresError(.server, "SELECT secret"), "internal", 500),
            Case(JSONError(.type, "a poison event's secret"), "internal", 500),
            Case(CancellationError(), "database-unavailable", 503),
        ])
    func mapping(_ expected: Case) {
        let problem = Problem(expected.error)
        #expect(problem.type.rawValue == expected.problem)
        #expect(problem.type.status == expected.status)
        let document = problem.document(instance: "/x", traceID: "t").canonicalString()
        #expect(!document.contains("secret"))
    }

    @Test("each type of the contract has its status")
    func types() {
        let expected: [Int: Set<String>] = [
            400: ["malformed-body", "unknown-parameter", "token-in-url"], 401: ["unauthenticated", "step-up-required"],
            403: ["role-insufficient", "self-approval", "approver-excluded", "foreign-origin"], 404: ["not-found"],
            405: ["method-not-allowed"],
            406: ["not-acceptable"],
            409: [
                "illegal-transition", "version-conflict", "idempotency-in-progress", "plan-digest-mismatch",
                "approval-not-pending", "already-decided", "already-rolled-back", "legal-hold",
            ],
            412: ["precondition-failed"], 413: ["body-too-large"], 415: ["unsupported-media-type"],
            422: [
                "validation-failed", "dead-lettered", "evidence-missing", "idempotency-key-reused",
                "irreversible-action",
            ],
            428: ["precondition-required"], 429: ["rate-limited"], 500: ["internal"],
            503: ["queue-full", "database-unavailable", "projection-behind"],
        ]
        for (status, names) in expected {
            #expect(Set(ProblemType.allCases.filter { $0.status == status }.map(\.rawValue)) == names)
        }
    }

    @Test("the description of the API names every route, its roles and its parameters")
    func description() async throws {
        try await TestServer.run { server in
            let document = try await server.get("/openapi.json", as: .nobody)
            #expect(document["/openapi"] == "3.1.0")
            for endpoint in server.server.endpoints {
                let operation = document["/paths"]?[endpoint.path]?[endpoint.method.lowercased()]
                #expect(operation != nil, "\(endpoint.path)")
                #expect(operation?["x-docket-roles"]?.arrayValue?.count ?? 0 == endpoint.roles.count)
                let named = operation?["parameters"]?.arrayValue?.filter { $0["in"] == "query" }
                #expect(Set(named?.compactMap { $0["name"]?.stringValue } ?? []) == endpoint.query)
            }
        }
    }

    @Test("a name that is not the server's own gets nothing", arguments: [("docket.example", 404), ("localhost", 200)])
    func hosts(name: String, status: Int) async throws {
        try await TestServer.run(configuration: ServerConfiguration(allowedHosts: [name])) { server in
            let answer = try await server.get("/healthz", as: .nobody)
            #expect(answer.status == status)
        }
    }
}
