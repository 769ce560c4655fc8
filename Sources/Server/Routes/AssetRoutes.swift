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
        let entity = try call.query.entity()
        let assets = registry.assets.values
            .filter { asset in
                entity.map { wanted in
                    (wanted.type == nil || wanted.type == asset.type)
                        && asset.key
                            == EntityKey(
                                type: asset.type, value: Entity.normalize(wanted.value, as: asset.type))
                } ?? true
            }
            .sorted { $0.key < $1.key }
        let start = min(Int(try call.query.integer("cursor") ?? 0), assets.count)
        let end = min(start + (try call.query.limit()), assets.count)
        return Reply(
            .ok,
            [
                "items": .array(try assets[start..<end].map { try JSONValue(encoding: $0) }),
                "next_cursor": end < assets.count ? .string(String(end)) : .null, "has_more": .bool(end < assets.count),
                "as_of_position": .integer(registry.nextPosition - 1),
            ])
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

    /// A few at once: the log coalesces them.
    private static func append(_ assets: [JSONValue], _ call: Call<Configure>) async throws -> Int64? {
        let writer = call.governance
        return try await withThrowingTaskGroup(of: Int64.self) { group in
            var last: Int64?
            for (index, asset) in assets.enumerated() {
                if index >= 64, let position = try await group.next() { last = max(last ?? position, position) }
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
