import Cases
import EventLog
import Events
import Foundation
import JSON
import Logging
import Projections
import ServiceLifecycle
import TestSupport
import Testing

@Suite("The projection runner", .projected)
struct ProjectionRunnerTests {
    private func runner(_ fixture: ProjectionFixture) -> ProjectionRunner {
        var limits = ProjectionRunner.Limits()
        limits.interval = .milliseconds(20)
        return ProjectionRunner(
            worker: fixture.worker(), source: fixture.log, limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test("follows every tenant, new ones too, and ends at graceful shutdown")
    func follows() async throws {
        try await ProjectionFixture.with { fixture in
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let group = ServiceGroup(services: [runner(fixture)], logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                let names = fixture.catalog.projections.map(\.name)
                for tenant in [fixture.tenant, UUID(), UUID()] {
                    try await fixture.log.createTenant(tenant)
                    for _ in 0..<3 {
                        let range = try await fixture.append(CaseStory(), tenant: tenant)
                        try await fixture.monitor.waitForPosition(
                            range.lastPosition, tenant: tenant, projections: names, timeout: .seconds(20))
                    }
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(try await fixture.monitor.list().allSatisfy { $0.lag == 0 && !$0.isBlocked })
        }
    }

    @Test("a tenant that is blocked does not hold up the others")
    func blockedTenant() async throws {
        try await ProjectionFixture.with { fixture in
            let other = UUID()
            try await fixture.log.createTenant(other)
            let poisoned = UUID()
            try await fixture.append(
                [CaseStory.event(.caseCommented, ["text": "no case"])], to: poisoned, caseID: poisoned)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await runner(fixture).run() }
                let range = try await fixture.append(CaseStory(), tenant: other)
                try await fixture.monitor.waitForPosition(
                    range.lastPosition, tenant: other, projections: fixture.catalog.projections.map(\.name),
                    timeout: .seconds(20))
                try await fixture.monitor.waitForPosition(
                    0, tenant: fixture.tenant, projections: ["audit_trail", "alerts"], timeout: .seconds(20))
                tasks.cancelAll()
                try await tasks.waitForAll()
            }
            let blocked = try await fixture.monitor.list(tenant: fixture.tenant).filter(\.isBlocked)
            #expect(Set(blocked.map(\.name)).isSubset(of: ["cases", "approvals", "runs", "timers", "metrics"]))
            #expect(blocked.allSatisfy { $0.nextPosition == 0 })
        }
    }
}
