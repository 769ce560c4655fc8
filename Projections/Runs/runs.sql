-- Runs of playbooks, with their steps in plan order.
CREATE TABLE IF NOT EXISTS projection.runs_v{version} (
    tenant_id   uuid        NOT NULL,
    run_id      uuid        NOT NULL,
    case_id     uuid        NOT NULL,
    version     bigint      NOT NULL,
    state       text        NOT NULL,
    started_at  timestamptz NOT NULL,
    view        json        NOT NULL,  -- GET /v1/runs/{id}, without as_of_position
    steps       json        NOT NULL,  -- the items of GET /v1/runs/{id}/steps
    PRIMARY KEY (tenant_id, run_id)
);
CREATE INDEX IF NOT EXISTS runs_v{version}_started ON projection.runs_v{version} (tenant_id, started_at, run_id);
CREATE INDEX IF NOT EXISTS runs_v{version}_case ON projection.runs_v{version} (tenant_id, case_id, started_at);
