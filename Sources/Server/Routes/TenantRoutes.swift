import Cases
import Events
import HTTPTypes
import JSON
import Reactors

/// Tenants: the business of the system tenant's administrators.
enum TenantRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/tenants", Configure.self) { call in
                try requireSystem(call)
                let tenants = try await call.services.tenants.list()
                return .list(tenants.map(json), asOf: try await call.services.lastPosition(of: call.tenant))
            },
            .post("/v1/tenants", Configure.self, creates: true) { call in
                try requireSystem(call)
                var body = try call.command()
                let name = body.text("name", 1...63)
                try body.finish()
                let tenant = try await call.services.tenants.create(
                    name, outfit: call.services.outfit, by: call.permit.actor)
                return Reply(.created, json(tenant)).at(try await call.services.lastPosition(of: call.tenant))
            },
        ]
    }

    private static func requireSystem(_ call: Call<Configure>) throws {
        guard call.tenant == SystemTenant.id else {
            call.services.denials.record(call.principal, route: call.route, reason: "not the system tenant")
            throw Problem(.roleInsufficient, "Only administrators of the system tenant manage tenants.")
        }
    }

    private static func json(_ tenant: TenantDirectory.Tenant) -> JSONValue {
        ["tenant_id": .string(tenant.id.lowercased), "tenant": .string(tenant.name)]
    }
}
