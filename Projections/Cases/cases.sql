-- The case list: a row per case, with what lists are filtered and sorted by beside the whole view.
CREATE TABLE IF NOT EXISTS projection.cases_v{version} (
    tenant_id         uuid        NOT NULL,
    case_id           uuid        NOT NULL,
    version           bigint      NOT NULL,
    last_position     bigint      NOT NULL,
    state             text        NOT NULL,
    severity          text        NOT NULL,
    severity_rank     integer     NOT NULL,
    assignee_issuer   text,
    assignee_subject  text,
    queue             text        NOT NULL,
    opened_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    sla_breached      boolean     NOT NULL,  -- a clock that has not ended was recorded as breached
    sla_at_risk       boolean     NOT NULL,  -- a clock that has not ended was recorded as at risk, and not as breached
    next_due_at       timestamptz,           -- the earliest deadline of a running clock that is not breached
    view              json        NOT NULL,  -- GET /v1/cases/{id}, without as_of_position
    record            json        NOT NULL,  -- the fold of the stream
    PRIMARY KEY (tenant_id, case_id)
);
CREATE INDEX IF NOT EXISTS cases_v{version}_opened ON projection.cases_v{version} (tenant_id, opened_at, case_id);
CREATE INDEX IF NOT EXISTS cases_v{version}_updated ON projection.cases_v{version} (tenant_id, updated_at, case_id);
CREATE INDEX IF NOT EXISTS cases_v{version}_severity ON projection.cases_v{version} (tenant_id, severity_rank, opened_at, case_id);
CREATE INDEX IF NOT EXISTS cases_v{version}_state ON projection.cases_v{version} (tenant_id, state, opened_at);
-- By deadline, in the words of the query: what has none comes last.
CREATE INDEX IF NOT EXISTS cases_v{version}_due ON projection.cases_v{version}
    (tenant_id, coalesce(next_due_at, '9999-12-31T23:59:59.999999Z'::timestamptz), case_id);
CREATE INDEX IF NOT EXISTS cases_v{version}_assignee ON projection.cases_v{version} (tenant_id, assignee_subject, opened_at, case_id);
CREATE INDEX IF NOT EXISTS cases_v{version}_queue ON projection.cases_v{version} (tenant_id, queue, opened_at, case_id);
CREATE INDEX IF NOT EXISTS cases_v{version}_breached ON projection.cases_v{version} (tenant_id, opened_at, case_id) WHERE sla_breached;
CREATE INDEX IF NOT EXISTS cases_v{version}_at_risk ON projection.cases_v{version} (tenant_id, opened_at, case_id) WHERE sla_at_risk;
-- The counts at the head of the queue, from the index alone.
CREATE INDEX IF NOT EXISTS cases_v{version}_counts ON projection.cases_v{version} (tenant_id, state) INCLUDE (sla_breached, sla_at_risk);

-- Which cases an entity occurs in; the value is normalized. Erased values have no row. The key holds the value's
-- SHA-256, because a value may be longer than a B-tree takes.
CREATE TABLE IF NOT EXISTS projection.case_entity_v{version} (
    tenant_id     uuid  NOT NULL,
    value_digest  bytea NOT NULL,
    entity_type   text  NOT NULL,
    case_id       uuid  NOT NULL,
    value         text  NOT NULL,
    PRIMARY KEY (tenant_id, value_digest, entity_type, case_id)
);
CREATE INDEX IF NOT EXISTS case_entity_v{version}_case ON projection.case_entity_v{version} (tenant_id, case_id);

CREATE TABLE IF NOT EXISTS projection.case_alert_v{version} (
    tenant_id  uuid NOT NULL,
    alert_id   uuid NOT NULL,
    case_id    uuid NOT NULL,
    PRIMARY KEY (tenant_id, alert_id, case_id)
);
CREATE INDEX IF NOT EXISTS case_alert_v{version}_case ON projection.case_alert_v{version} (tenant_id, case_id);
