import Cases
import JSON

/// The API's description in OpenAPI 3.1, made from the route table itself: it cannot name a route that is not there, or
/// leave one out. What the bodies hold is told by the contract, not here.
struct OpenAPIDocument: Sendable {
    private let endpoints: [EndpointDescription]

    init(_ endpoints: [EndpointDescription]) {
        self.endpoints = endpoints
    }

    var json: JSONValue {
        var paths: JSONValue = [:]
        for endpoint in endpoints {
            var item = paths[endpoint.path] ?? [:]
            item[endpoint.method.lowercased()] = operation(endpoint)
            paths[endpoint.path] = item
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Docket", "version": "1",
                "description":
                    "Case management for security operations. Names in snake_case, times in RFC 3339 with six fraction digits, problems by RFC 9457.",
            ],
            "paths": paths,
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": ["Problem": Self.problem],
                "responses": [
                    "Problem": [
                        "description": "A refusal.",
                        "content": [
                            "application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]
                        ],
                    ]
                ],
            ],
        ]
    }

    private func operation(_ endpoint: EndpointDescription) -> JSONValue {
        let inPath = endpoint.path.split(separator: "{").dropFirst().map { $0.prefix { $0 != "}" } }
        var parameters = inPath.map { Self.parameter(String($0), in: "path") }
        parameters += endpoint.query.sorted().map { Self.parameter($0, in: "query") }
        let produces = endpoint.produces.isEmpty ? ["*/*"] : endpoint.produces
        var operation: JSONValue = [
            "operationId": .string("\(endpoint.method.lowercased()) \(endpoint.path)"),
            "parameters": .array(parameters),
            "responses": [
                "2XX": ["description": "Done.", "content": Self.content(produces)],
                "default": ["$ref": "#/components/responses/Problem"],
            ],
        ]
        guard !endpoint.roles.isEmpty else { return operation }
        operation["security"] = [["token": []]]
        operation["x-docket-roles"] = .array(endpoint.roles.map(\.rawValue).sorted().map(JSONValue.string))
        if !endpoint.consumes.isEmpty { operation["requestBody"] = ["content": Self.content(endpoint.consumes)] }
        return operation
    }

    private static func parameter(_ name: String, in place: String) -> JSONValue {
        [
            "name": .string(name), "in": .string(place), "required": .bool(place == "path"),
            "schema": ["type": "string"],
        ]
    }

    private static func content(_ mediaTypes: [String]) -> JSONValue {
        .object(Dictionary(mediaTypes.map { ($0, [:]) }, uniquingKeysWith: { $1 }))
    }

    private static var problem: JSONValue {
        [
            "type": "object",
            "required": ["type", "title", "status", "detail", "instance", "trace_id", "errors"],
            "properties": [
                "type": ["type": "string", "enum": .array(ProblemType.allCases.map { .string($0.urn) })],
                "title": ["type": "string"], "status": ["type": "integer"], "detail": ["type": "string"],
                "instance": ["type": "string"], "trace_id": ["type": "string"],
                "errors": [
                    "type": "array",
                    "items": [
                        "type": "object",
                        "properties": [
                            "pointer": ["type": "string"], "code": ["type": "string"], "detail": ["type": "string"],
                            "allowed": ["type": ["array", "null"], "items": ["type": "string"]],
                        ],
                    ],
                ],
            ],
        ]
    }
}
