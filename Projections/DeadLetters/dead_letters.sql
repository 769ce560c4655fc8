-- Items that are no alerts, each with its reasons. Their bytes are evidence, found by raw_digest.
CREATE TABLE IF NOT EXISTS projection.dead_letters_v{version} (
    tenant_id       uuid        NOT NULL,
    dead_letter_id  uuid        NOT NULL,
    position        bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    source          text,
    is_retried      boolean     NOT NULL,
    view            json        NOT NULL,
    PRIMARY KEY (tenant_id, dead_letter_id)
);
CREATE INDEX IF NOT EXISTS dead_letters_v{version}_position ON projection.dead_letters_v{version} (tenant_id, position);
