-- What time alone will bring about. Whoever reads it compares with a clock; the rows do not.
CREATE TABLE IF NOT EXISTS projection.timers_v{version} (
    tenant_id  uuid        NOT NULL,
    case_id    uuid        NOT NULL,
    kind       text        NOT NULL,
    key        text        NOT NULL,  -- which clock, approval or evidence; unique with the kind
    due_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, case_id, kind, key)
);
CREATE INDEX IF NOT EXISTS timers_v{version}_due ON projection.timers_v{version} (tenant_id, due_at);
-- What is due next over all tenants: one look for the whole process.
CREATE INDEX IF NOT EXISTS timers_v{version}_soonest ON projection.timers_v{version} (due_at);
