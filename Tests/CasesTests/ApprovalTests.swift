import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

@Suite("Approval")
struct ApprovalTests {
    private let registry: Registry

    init() throws { registry = try OpenAdminPort.registry() }

    private func refusals(_ recorder: CaseRecorder) -> [String] {
        recorder.events.filter { $0.kind == .approvalDecisionRefused }.compactMap { $0.data["refusal"]?.stringValue }
    }

    @Test("two people reach the quorum exactly once")
    func quorum() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        #expect(try recorder.decide(.approve, by: "bob", registry: registry) == nil)
        #expect(recorder.record.state == .escalated && recorder.record.approval?.approvedCount == 1)
        #expect(try recorder.decide(.approve, by: "carol", registry: registry) == nil)
        #expect(recorder.record.state == .approved && recorder.record.approval?.state == .granted)
        #expect(recorder.types.count { $0 == "approval.quorum_reached" } == 1)
        #expect(
            try recorder.decide(.approve, by: "dora", registry: registry) == .approvalNotPending(state: .granted))
        #expect(recorder.types.count { $0 == "approval.quorum_reached" } == 1)
        #expect(refusals(recorder) == ["approval-not-pending"])
    }

    @Test("two who decide on what they both saw first reach it once: the second looks again")
    func race() throws {
        let seen = try CaseRecorder.waitingForApproval(registry: registry, required: 1)
        var first = seen
        _ = try first.decide(.approve, by: "bob", registry: registry)
        // The log refuses the second append at the old version; on the new record it is too late.
        let late = try first.decide(.approve, by: "carol", registry: registry)
        #expect(late == .approvalNotPending(state: .granted))
        #expect(first.types.count { $0 == "approval.quorum_reached" } == 1)
    }

    @Test("one person asked for is enough, and an approval never asks for nobody")
    func onePerson() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry, required: 0)
        #expect(recorder.record.approval?.requiredApprovals == 1)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        #expect(recorder.record.state == .approved)
    }

    @Test("two tokens of one person are one person")
    func sameIdentity() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        _ = try recorder.decide(.approve, by: "bob", token: "laptop", registry: registry)
        #expect(try recorder.decide(.approve, by: "bob", token: "phone", registry: registry) == .alreadyDecided)
        #expect(recorder.record.approval?.approvedCount == 1 && recorder.record.state == .escalated)
        #expect(refusals(recorder) == ["already-decided"])
    }

    @Test("who asked does not decide, whether yes or no", arguments: [Approval.Vote.Choice.approve, .deny])
    func requester(choice: Approval.Vote.Choice) throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry, by: Fixture.alice)
        #expect(recorder.record.approval?.excluded.map(\.reason) == [.requester])
        #expect(try recorder.decide(choice, by: "alice", registry: registry) == .selfApproval)
        #expect(recorder.record.approval?.state == .pending && refusals(recorder) == ["self-approval"])
    }

    @Test("a service that asks excludes no one")
    func serviceRequester() throws {
        let recorder = try CaseRecorder.waitingForApproval(registry: registry)
        #expect(recorder.record.approval?.excluded == [])
    }

    @Test("recommender and plan author do not count", arguments: [ExcludedApprover.Reason.recommender, .planAuthor])
    func excluded(reason: ExcludedApprover.Reason) throws {
        var recorder = try CaseRecorder.waitingForApproval(
            registry: registry, excluded: [ExcludedApprover(issuer: "docket", subject: "bob", reason: reason)])
        #expect(
            try recorder.decide(.approve, by: "bob", registry: registry) == .approverExcluded(reason: reason.rawValue))
        #expect(refusals(recorder) == ["approver-excluded"])
    }

    /// What the registry knows after somebody gave somebody a role.
    private func granting(_ roles: [Role], to grantee: String, by grantor: String) throws -> Registry {
        var registry = registry
        let token = Token(
            id: Fixture.id("granted"), subject: grantee, roles: roles, createdAt: Fixture.start, expiresAt: nil,
            secretDigest: Digest.sha256([1]))
        try registry.apply(
            Fixture.governance(
                .tokenCreated, try JSONValue(encoding: token), by: Fixture.person(grantor), position: 7))
        return registry
    }

    private let grantedRole = Rejection.approverExcluded(reason: "granted_role_to_approver")

    @Test("whom the requester made an approver does not count")
    func grantedByRequester() throws {
        let granted = try granting([.responder], to: "bob", by: "alice")
        var recorder = try CaseRecorder.waitingForApproval(registry: granted, by: Fixture.alice)
        #expect(try recorder.decide(.approve, by: "bob", registry: granted) == grantedRole)
        #expect(try recorder.decide(.approve, by: "carol", registry: granted) == nil)
    }

    @Test(
        "whom another approver made an approver does not count, in whatever order they come",
        arguments: [["bob", "carol"], ["carol", "bob"]])
    func grantedByApprover(order: [String]) throws {
        let granted = try granting([.lead], to: "carol", by: "bob")
        var recorder = try CaseRecorder.waitingForApproval(registry: granted)
        #expect(try recorder.decide(.approve, by: order[0], registry: granted) == nil)
        #expect(try recorder.decide(.approve, by: order[1], registry: granted) == grantedRole)
        #expect(recorder.record.state == .escalated)
    }

    @Test("a role that approves nothing is given without consequence")
    func grantedOther() throws {
        let granted = try granting([.analyst], to: "bob", by: "alice")
        var recorder = try CaseRecorder.waitingForApproval(registry: granted, by: Fixture.alice)
        #expect(try recorder.decide(.approve, by: "bob", registry: granted) == nil)
    }

    @Test("another plan than the one shown is refused, and the current digest told")
    func digest() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        let current = try #require(recorder.record.approval).planDigest
        #expect(
            try recorder.decide(.approve, by: "bob", digest: Digest.sha256([7]), registry: registry)
                == .planDigestMismatch(current: current))
        #expect(refusals(recorder) == ["plan-digest-mismatch"])
    }

    @Test("missing evidence blocks a yes, and is listed item by item; a no needs none")
    func missingEvidence() throws {
        var recorder = try CaseRecorder.waitingForApproval(
            registry: registry, evidence: [OpenAdminPort.evidence(.cloudAudit)])
        let missing = [EvidenceKind.affectedService, .costRisk].map {
            MissingEvidence(kind: $0, status: .missing, requiredBy: [.cloudContainment])
        }
        #expect(try recorder.decide(.approve, by: "bob", registry: registry) == .evidenceMissing(missing))
        #expect(refusals(recorder) == ["evidence-missing"])
        let view = try JSONValue(
            encoding: ApprovalView(try #require(recorder.record.approval), of: recorder.record, asOf: 1))
        #expect(view["missing_evidence"]?[0]?["kind"] == "affected_service")
        #expect(try recorder.decide(.deny, by: "bob", registry: registry) == nil)
        #expect(recorder.record.approval?.state == .denied && recorder.record.state == .escalated)
    }

    @Test("stale evidence blocks like missing evidence, until it is fresh again")
    func staleEvidence() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        let item = try #require(recorder.record.evidence.first { $0.kind == .costRisk })
        // As if the timer had expired it while the approval was looked at.
        try recorder.put([Decision(EvidenceExpired(kind: item.kind, digest: item.digest))])
        #expect(
            try recorder.decide(.approve, by: "bob", registry: registry)
                == .evidenceMissing([
                    MissingEvidence(kind: .costRisk, status: .stale, requiredBy: [.cloudContainment])
                ]))
        #expect(CaseView(recorder.record, asOf: 1).evidenceSummary.stale == 1)
        try recorder.put([Decision(EvidenceAdded(item: OpenAdminPort.evidence(.costRisk, data: ["seen": "again"])))])
        #expect(try recorder.decide(.approve, by: "bob", registry: registry) == nil)
    }

    @Test("after its time an approval expires first and then refuses")
    func expired() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry, expiresInMs: 60_000)
        let count = recorder.events.count
        #expect(
            try recorder.decide(.approve, by: "bob", registry: registry, after: 60_000)
                == .approvalNotPending(state: .expired))
        #expect(recorder.types[count...] == ["approval.expired", "approval.decision_refused"])
        #expect(recorder.record.approval?.state == .expired && recorder.record.state == .escalated)
        // Once is enough.
        _ = try recorder.decide(.approve, by: "carol", registry: registry)
        #expect(recorder.types.count { $0 == "approval.expired" } == 1)
    }

    @Test("the last moment before the expiry still counts")
    func justInTime() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry, required: 1)
        let approval = try #require(recorder.record.approval)
        let before = Instant(microseconds: approval.expiresAt.microseconds - 1)
        for (now, isRefused) in [(before, false), (approval.expiresAt, true)] {
            let outcome = try recorder.record.decide(
                approval: approval.id, .approve, reason: "in time", planDigest: approval.planDigest,
                by: Fixture.responder("bob"), registry: registry, at: now)
            #expect((outcome.rejection != nil) == isRefused)
        }
        recorder.wait(0)
    }

    @Test("refusals come in their fixed order: not pending, self, excluded, already decided, digest, evidence")
    func order() throws {
        // Everything is wrong at once; one cause after the other is taken away.
        var recorder = try CaseRecorder.waitingForApproval(
            registry: registry, by: Fixture.alice,
            excluded: [
                ExcludedApprover(issuer: "docket", subject: "bob", reason: .recommender),
                ExcludedApprover(issuer: "docket", subject: "alice", reason: .planAuthor),
            ], evidence: [])
        let wrong = Digest.sha256([7])
        var denied = recorder
        try denied.put(
            .approvalExpired, ["approval_id": .string(Fixture.id("approval").lowercased), "cause": "expired"])
        #expect(
            try denied.decide(.approve, by: "alice", digest: wrong, registry: registry)
                == .approvalNotPending(state: .expired))
        #expect(try recorder.decide(.approve, by: "alice", digest: wrong, registry: registry) == .selfApproval)
        // Bob is excluded and, on paper, has decided.
        let vote: JSONValue = [
            "approval_id": .string(Fixture.id("approval").lowercased),
            "plan_digest": .string(recorder.record.approval?.planDigest.text ?? ""), "reason": "yes",
        ]
        try recorder.put(.approvalGranted, vote, by: Fixture.bob)
        #expect(
            try recorder.decide(.approve, by: "bob", digest: wrong, registry: registry)
                == .approverExcluded(reason: "recommender"))
        try recorder.put(.approvalGranted, vote, by: Fixture.carol)
        #expect(try recorder.decide(.approve, by: "carol", digest: wrong, registry: registry) == .alreadyDecided)
        guard case .planDigestMismatch = try recorder.decide(.approve, by: "dora", digest: wrong, registry: registry)
        else {
            Issue.record("the digest comes before the evidence")
            return
        }
        guard case .evidenceMissing = try recorder.decide(.approve, by: "dora", registry: registry) else {
            Issue.record("the evidence comes last")
            return
        }
        #expect(
            refusals(recorder) == [
                "self-approval", "approver-excluded", "already-decided", "plan-digest-mismatch", "evidence-missing",
            ])
    }

    @Test("after a denial nobody decides any more")
    func denied() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        _ = try recorder.decide(.deny, by: "carol", registry: registry)
        #expect(recorder.record.approval?.state == .denied)
        #expect(recorder.record.approval?.stateReason == "looked at it twice")
        #expect(try recorder.decide(.approve, by: "dora", registry: registry) == .approvalNotPending(state: .denied))
    }

    @Test("after close an approval is refused")
    func closed() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        try recorder.command(.close(.falsePositive, reason: "it was ours"))
        #expect(recorder.record.approval?.state == .invalidated)
        #expect(
            try recorder.decide(.approve, by: "bob", registry: registry) == .approvalNotPending(state: .invalidated))
    }

    @Test("an approval that nobody made is not found")
    func unknown() throws {
        let recorder = try CaseRecorder.waitingForApproval(registry: registry)
        #expect(throws: Rejection.notFound) {
            _ = try recorder.record.decide(
                approval: Fixture.id("stranger"), .approve, reason: "whatever it is", planDigest: Digest.sha256([1]),
                by: Fixture.responder("bob"), registry: registry, at: recorder.now)
        }
    }

    @Test("a joining alert voids a pending approval and a granted one", arguments: [0, 1, 2])
    func alertLinked(votes: Int) throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        for person in ["bob", "carol"].prefix(votes) {
            _ = try recorder.decide(.approve, by: person, registry: registry)
        }
        let events = try recorder.put(
            recorder.record.link(OpenAdminPort.alert("second"), overlapScore: 1, shared: [OpenAdminPort.target.key]))
        #expect(events.map(\.type) == ["case.alert_linked", "approval.invalidated"])
        #expect(recorder.record.approval?.state == .invalidated)
        #expect(recorder.record.approval?.stateReason == "alert_linked")
        #expect(recorder.record.state == .escalated)
        #expect(recorder.record.start(run: Fixture.id("run"), currentPlan: recorder.record.plan, mode: .live).isEmpty)
        #expect(
            try recorder.decide(.approve, by: "dora", registry: registry) == .approvalNotPending(state: .invalidated))
    }

    @Test("evidence of a demanded kind voids the approval, of another kind does not")
    func evidenceAdded() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        let other = try recorder.command(.addEvidence(OpenAdminPort.evidence(.edrEvidence, source: "analyst")))
        #expect(other.map(\.type) == ["evidence.added"] && recorder.record.approval?.state == .pending)
        let demanded = try recorder.command(.addEvidence(OpenAdminPort.evidence(.cloudAudit, source: "analyst")))
        #expect(demanded.map(\.type) == ["evidence.added", "approval.invalidated"])
        #expect(recorder.record.approval?.stateReason == "evidence_changed" && recorder.record.state == .escalated)
        let digests = recorder.record.approvals.map(\.planDigest)
        try recorder.requestApproval(registry: registry, id: "second approval")
        #expect(recorder.record.approval?.state == .pending)
        #expect(recorder.record.approval.map { !digests.contains($0.planDigest) } == true, "other evidence, other plan")
    }

    @Test("a bound item that goes stale voids the approval")
    func boundEvidenceExpires() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry, expiresInMs: 86_400_000_000)
        let due = try #require(recorder.record.dueTimes.first { $0.kind == .evidenceExpiry })
        recorder.wait(86_400_000)
        let bound = recorder.record.dueTimes.filter { due in
            due.kind == .evidenceExpiry
                && recorder.record.evidence.contains { $0.digest.text == due.key && $0.kind == .cloudAudit }
        }
        try recorder.put(recorder.record.fire(try #require(bound.first)), by: Fixture.timer)
        #expect(recorder.record.approval?.state == .invalidated)
        #expect(recorder.record.approval?.stateReason == "evidence_stale")
        #expect(due.at == Fixture.start.adding(milliseconds: 86_400_000))
        #expect(!recorder.record.dueTimes.contains(bound[0]), "it fires once")
    }

    @Test("a new request replaces a pending one")
    func superseded() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        try recorder.requestApproval(registry: registry, by: Fixture.alice, id: "second approval")
        #expect(recorder.record.approvals.map(\.state) == [.invalidated, .pending])
        #expect(recorder.record.approvals[0].stateReason == "superseded")
        #expect(recorder.record.approval?.id == Fixture.id("second approval"))
    }

    @Test("the digest is that of the plan's canonical JSON, and of nothing else")
    func planDigest() throws {
        let recorder = try CaseRecorder.waitingForApproval(registry: registry)
        let plan = try #require(recorder.record.approval?.plan)
        #expect(recorder.record.approval?.planDigest == Digest.sha256(plan.json.canonicalBytes()))
        var other = plan.json
        other["max_targets"] = 2
        #expect(try Plan(json: other).digest != plan.digest)
        other["max_targets"] = 1
        #expect(try Plan(json: other).digest == plan.digest)
        #expect(plan.evidence.map(\.kind) == [.affectedService, .cloudAudit, .costRisk])
    }

    @Test("an approval's version is the case's at its last event")
    func version() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        #expect(recorder.record.approval?.version == recorder.record.version)
        try recorder.command(.comment(text: "hm"))
        #expect(recorder.record.approval?.version == recorder.record.version - 1)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        #expect(recorder.record.approval?.version == recorder.record.version)
    }
}
