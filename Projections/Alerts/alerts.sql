-- Alerts, with what became of them. source_ref and the entities' values are keyed by their SHA-256, because they may be
-- longer than a B-tree takes.
CREATE TABLE IF NOT EXISTS projection.alerts_v{version} (
    tenant_id          uuid        NOT NULL,
    alert_id           uuid        NOT NULL,
    first_position     bigint      NOT NULL,  -- of the event that made it known: newest first is by this
    version            bigint      NOT NULL,
    source             text,
    source_ref         text,
    source_ref_digest  bytea,
    disposition        text        NOT NULL,
    severity           text        NOT NULL,
    severity_rank      integer     NOT NULL,
    occurred_at        timestamptz,
    duplicate_count    bigint      NOT NULL,
    view               json        NOT NULL,  -- GET /v1/alerts/{id}, without as_of_position
    PRIMARY KEY (tenant_id, alert_id)
);
CREATE INDEX IF NOT EXISTS alerts_v{version}_position ON projection.alerts_v{version} (tenant_id, first_position);
CREATE INDEX IF NOT EXISTS alerts_v{version}_source_ref ON projection.alerts_v{version} (tenant_id, source_ref_digest);
CREATE INDEX IF NOT EXISTS alerts_v{version}_disposition ON projection.alerts_v{version} (tenant_id, disposition, first_position);

CREATE TABLE IF NOT EXISTS projection.alert_entity_v{version} (
    tenant_id     uuid  NOT NULL,
    value_digest  bytea NOT NULL,
    entity_type   text  NOT NULL,
    alert_id      uuid  NOT NULL,
    value         text  NOT NULL,
    PRIMARY KEY (tenant_id, value_digest, entity_type, alert_id)
);
CREATE INDEX IF NOT EXISTS alert_entity_v{version}_alert ON projection.alert_entity_v{version} (tenant_id, alert_id);

-- The cases that an alert belongs to now.
CREATE TABLE IF NOT EXISTS projection.alert_case_v{version} (
    tenant_id  uuid NOT NULL,
    case_id    uuid NOT NULL,
    alert_id   uuid NOT NULL,
    PRIMARY KEY (tenant_id, case_id, alert_id)
);
CREATE INDEX IF NOT EXISTS alert_case_v{version}_alert ON projection.alert_case_v{version} (tenant_id, alert_id);
