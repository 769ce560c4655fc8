-- What each case contributes to the figures; the figures themselves are computed from these by MetricReport.
CREATE TABLE IF NOT EXISTS projection.metrics_v{version} (
    tenant_id  uuid NOT NULL,
    case_id    uuid NOT NULL,
    facts      json NOT NULL,
    PRIMARY KEY (tenant_id, case_id)
);
