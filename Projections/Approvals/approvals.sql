-- Approvals: which are pending is the responders' work list.
CREATE TABLE IF NOT EXISTS projection.approvals_v{version} (
    tenant_id     uuid        NOT NULL,
    approval_id   uuid        NOT NULL,
    case_id       uuid        NOT NULL,
    version       bigint      NOT NULL,
    state         text        NOT NULL,
    requested_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    view          json        NOT NULL,  -- GET /v1/approvals/{id}, without as_of_position
    PRIMARY KEY (tenant_id, approval_id)
);
CREATE INDEX IF NOT EXISTS approvals_v{version}_requested ON projection.approvals_v{version} (tenant_id, requested_at, approval_id);
CREATE INDEX IF NOT EXISTS approvals_v{version}_state ON projection.approvals_v{version} (tenant_id, state, requested_at);
CREATE INDEX IF NOT EXISTS approvals_v{version}_case ON projection.approvals_v{version} (tenant_id, case_id);
