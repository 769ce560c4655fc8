import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Projections
import Reactors

/// The inventory: what blast radius and evidence are derived from.
enum AssetRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/assets", ReadConfiguration.self, query: ["limit", "cursor", "entity"], list),
            .post(
                "/v1/assets", Configure.self, creates: true, body: BodyRule(size: .batch, mediaTypes: [.json]), register
            ),
        ]
    }

    private static func list(_ call: Call<ReadConfiguration>) async throws -> Reply {
        let registry = try await call.services.registries.registry(of: call.tenant)
        let limit = try call.query.limit()
        var assets: [Asset]
        if let wanted = try call.query.entity() {
            let types = wanted.type.map { [$0] } ?? Entity.EntityType.allCases
            assets = types.compactMap {
                registry.assets[EntityKey(type: $0, value: Entity.normalize(wanted.value, as: $0))]
            }.sorted { $0.key < $1.key }
            if let cursor = try cursor(call) { assets.removeAll { $0.key <= cursor } }
            assets = Array(assets.prefix(limit + 1))
        } else if let cursor = try cursor(call) {
            // The asset that the page before ended with may stand first.
            let entries = registry.assets.entries(from: cursor).prefix(limit + 2)
            assets = Array(entries.filter { $0.key != cursor }.map(\.value).prefix(limit + 1))
        } else {
            assets = Array(registry.assets.values.prefix(limit + 1))
        }
        let hasMore = assets.count > limit
        let shown = assets.prefix(limit)
        return Reply(
            .ok,
            [
                "items": .array(try shown.map { try JSONValue(encoding: $0) }),
                "next_cursor": hasMore ? shown.last.map { .string(text(of: $0.key)) } ?? .null : .null,
                "has_more": .bool(hasMore), "as_of_position": .integer(registry.nextPosition - 1),
            ])
    }

    /// Where a page ended: the key of its last asset, so that assets that come meanwhile hide no others.
    private static func cursor(_ call: Call<ReadConfiguration>) throws -> EntityKey? {
        guard let text = try call.query.text("cursor") else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let type = Entity.EntityType(rawValue: String(parts[0])),
            let bytes = Data(base64Encoded: String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")),
            let value = String(data: bytes, encoding: .utf8)
        else { throw Problem.validation([FieldError("/cursor", .format, "no cursor of this list")]) }
        return EntityKey(type: type, value: value)
    }

    private static func text(of key: EntityKey) -> String {
        let value = Data(key.value.utf8).base64EncodedString()
        return "\(key.type.rawValue):" + value.replacing("+", with: "-").replacing("/", with: "_")
    }

    /// One object or an array of them; all are right, or none is taken.
    private static func register(_ call: Call<Configure>) async throws -> Reply {
        let json = try CommandBody.parse(call.body.bytes)
        let items = json.arrayValue ?? [json]
        guard items.count <= call.services.configuration.limits.batchItems else {
            throw Problem(
                .bodyTooLarge, "A batch holds at most \(call.services.configuration.limits.batchItems) items.")
        }
        var errors: [FieldError] = []
        var assets: [JSONValue] = []
        for (index, item) in items.enumerated() {
            var body = CommandBody(item, at: json.arrayValue == nil ? "" : "/\(index)")
            assets.append(asset(&body, call))
            errors += body.errors
            if errors.count >= 100 { break }
        }
        guard errors.isEmpty else { throw Problem.validation(Array(errors.prefix(100))) }
        let position = try await append(assets, call)
        guard json.arrayValue != nil else { return Reply(.created, assets[0]).at(position) }
        return Reply(.created, ["items": .array(assets), "counts": ["registered": .integer(Int64(assets.count))]])
            .at(position)
    }

    private static func asset(_ body: inout CommandBody, _ call: Call<Configure>) -> JSONValue {
        let type = body.choice("type", Entity.EntityType.other)
        let value = body.text("value", 1...4_096)
        let key = EntityKey(type: type, value: Entity.normalize(value, as: type))
        let id = UUID.v5(namespace: call.tenant, name: "asset/\(type.rawValue)/\(key.value)")
        let dependencies = body.has("depends_on") ? body.array("depends_on", 0...1_000) : []
        var dependsOn: [JSONValue] = []
        for (index, dependency) in dependencies.enumerated() {
            var inner = CommandBody(dependency, at: "\(body.base)/depends_on/\(index)")
            dependsOn.append([
                "type": .string(inner.choice("type", Entity.EntityType.other).rawValue),
                "value": .string(inner.text("value", 1...4_096)),
            ])
            body.adopt(inner)
        }
        func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
        return [
            "id": .string(id.lowercased), "type": .string(type.rawValue), "value": .string(value),
            "name": optional(body.optionalText("name", 1...500)),
            "owner": optional(body.optionalText("owner", 1...200)),
            "service": optional(body.optionalText("service", 1...200)),
            "criticality": .string(body.choice("criticality", AssetContext.Criticality.low).rawValue),
            "sensitivity": .string(body.choice("sensitivity", AssetContext.Sensitivity.internal).rawValue),
            "exposure": .string(body.choice("exposure", AssetContext.Exposure.internal).rawValue),
            "environment": .string(body.choice("environment", DeploymentEnvironment.unknown).rawValue),
            "region": optional(body.optionalText("region", 1...100)),
            "labels": .array((body.has("labels") ? body.strings("labels", 0...100) : []).map(JSONValue.string)),
            "depends_on": .array(dependsOn), "cost_risk": optional(body.optionalText("cost_risk", 1...2_000)),
            "observed_at": .string((body.optionalInstant("observed_at") ?? call.now).rfc3339), "event_id": .null,
        ]
    }

    /// Many at once: the log coalesces them.
    private static func append(_ assets: [JSONValue], _ call: Call<Configure>) async throws -> Int64? {
        let writer = call.governance
        return try await withThrowingTaskGroup(of: Int64.self) { group in
            var last: Int64?
            for (index, asset) in assets.enumerated() {
                if index >= 512, let position = try await group.next() { last = max(last ?? position, position) }
                guard let id = asset["id"]?.stringValue.flatMap({ UUID(uuidString: $0) }) else { continue }
                let traceID = call.traceID
                group.addTask {
                    try await writer.append(
                        [Decision(type: .assetRegistered, data: asset)], kind: .asset, stream: id, traceID: traceID)
                }
            }
            while let position = try await group.next() { last = max(last ?? position, position) }
            return last
        }
    }
}
