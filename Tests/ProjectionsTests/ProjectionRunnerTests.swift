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
                            range.lastPosition, tenant: tenant, projections: names, timeout: .seconds(600))
                    }
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(try await fixture.monitor.list().allSatisfy { $0.lag == 0 && !$0.isBlocked })
        }
    }

    @Test("a case that is set aside holds up neither other cases nor other tenants")
    func setAside() async throws {
        try await ProjectionFixture.with { fixture in
            let other = UUID()
            try await fixture.log.createTenant(other)
            let poisoned = UUID()
            try await fixture.append(
                [CaseStory.event(.caseCommented, ["text": "no case"])], to: poisoned, caseID: poisoned)
            let names = fixture.catalog.projections.map(\.name)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await runner(fixture).run() }
                for tenant in [other, fixture.tenant] {
                    let range = try await fixture.append(CaseStory(), tenant: tenant)
                    try await fixture.monitor.waitForPosition(
                        range.lastPosition, tenant: tenant, projections: names, timeout: .seconds(600))
                }
                tasks.cancelAll()
                try await tasks.waitForAll()
            }
            #expect(try await fixture.monitor.list().allSatisfy { !$0.isBlocked })
            let marks = try await fixture.monitor.marks()
            #expect(Set(marks.map(\.projection)) == ["cases", "approvals", "runs", "timers", "metrics"])
            #expect(marks.allSatisfy { $0.position == 0 && $0.streamID == poisoned })
        }
    }
}
