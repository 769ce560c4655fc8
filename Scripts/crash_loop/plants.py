"""Violations planted by hand, one of each kind: a check that does not find its own is no check."""

import base64
import os
import uuid

from . import checks

# As a superuser who has the triggers out of the way.
ROWS = """
SET session_replication_role = replica;
DELETE FROM docket.event WHERE tenant_id = '{tenant}' AND position = 3;
UPDATE docket.stream SET version = version + 1
 WHERE (tenant_id, stream_id) = (SELECT tenant_id, stream_id FROM docket.event
                                  WHERE tenant_id = '{tenant}' AND type = 'case.opened' LIMIT 1);
"""

# One that no event touches: the row of a real case would be written anew by the next event of that case.
ROW = """
CREATE TEMPORARY TABLE planted AS SELECT * FROM projection.{table} WHERE tenant_id = '{tenant}' LIMIT 1;
UPDATE planted SET case_id = gen_random_uuid();
INSERT INTO projection.{table} SELECT * FROM planted;
"""

LIVE = """
SELECT 'cases_v' || p.version FROM docket.projection_position AS p
  LEFT JOIN docket.projection_live AS l ON l.tenant_id = p.tenant_id AND l.name = p.name
 WHERE p.tenant_id = '{tenant}' AND p.name = 'cases' AND p.rebuild IS NULL AND (l.version IS NULL OR l.version = p.version)
 ORDER BY p.version LIMIT 1
"""


def claims(place, tenant, record, loop):
    """Acknowledgements that were never given, another root, and a row of a projection that nothing in the log says."""
    record.alerts.append((tenant["name"], "never sent", str(uuid.uuid4())))
    record.comments.append((tenant["name"], loop.case_id, 0, "never said"))
    table = place.sql(LIVE.format(tenant=tenant["id"]))[0][0]
    place.sql(ROW.format(table=table, tenant=tenant["id"]))
    seen = loop.seen or checks.checkpoint(place.first, tenant)
    root = base64.b64encode(os.urandom(32)).decode()
    lines = seen.note.split("\n")
    loop.seen = checks.Checkpoint("\n".join([lines[0], lines[1], root, *lines[3:]]))


def damage(place, tenant):
    """An event that is gone, and a stream that has more versions than events."""
    place.sql(ROWS.format(tenant=tenant["id"]))
