"""What must hold after every recovery. Each check gives the violations that it found, as sentences."""

import base64
import hashlib

STRUCTURE = """
WITH chosen AS (SELECT tenant_id, next_position FROM docket.tenant_head WHERE tenant_id = '{tenant}'),
events AS (SELECT e.* FROM docket.event AS e WHERE e.tenant_id = '{tenant}')
SELECT 'positions are not dense: ' || count(*) || ' events, from ' || coalesce(min(position), 0) || ' to '
       || coalesce(max(position), -1) || ', and the head says ' || (SELECT next_position FROM chosen)
  FROM events
HAVING count(*) <> (SELECT next_position FROM chosen) OR count(DISTINCT position) <> count(*)
    OR coalesce(min(position), 0) <> 0 OR coalesce(max(position), -1) <> (SELECT next_position FROM chosen) - 1
UNION ALL
SELECT 'event_id ' || event_id || ' is there ' || count(*) || ' times' FROM events GROUP BY event_id HAVING count(*) > 1
UNION ALL
SELECT 'versions of stream ' || e.stream_id || ' are not dense: ' || count(*) || ' events, up to ' || max(e.version)
       || ', and the stream says ' || coalesce(max(s.version)::text, 'nothing')
  FROM events AS e LEFT JOIN docket.stream AS s ON s.tenant_id = e.tenant_id AND s.stream_id = e.stream_id
 GROUP BY e.stream_id
HAVING count(*) <> max(e.version) OR min(e.version) <> 1 OR count(DISTINCT e.version) <> count(*)
    OR max(s.version) IS DISTINCT FROM max(e.version)
UNION ALL
SELECT 'stream ' || s.stream_id || ' has a version and no event' FROM docket.stream AS s
 WHERE s.tenant_id = '{tenant}' AND NOT EXISTS (SELECT FROM events AS e WHERE e.stream_id = s.stream_id)
UNION ALL
SELECT 'recorded_at does not rise at position ' || position
  FROM (SELECT position, recorded_at, lag(recorded_at) OVER (ORDER BY position) AS earlier FROM events) AS times
 WHERE recorded_at <= earlier
UNION ALL
SELECT 'alert ' || stream_id || ' was ingested ' || count(*) || ' times' FROM events
 WHERE type = 'alert.ingested' GROUP BY stream_id HAVING count(*) > 1
UNION ALL
SELECT 'case ' || case_id || ' was opened ' || count(*) || ' times' FROM events
 WHERE type = 'case.opened' GROUP BY case_id HAVING count(*) > 1
UNION ALL
SELECT 'alert ' || (body #>> '{{data,alert_id}}') || ' opened or joined ' || count(DISTINCT case_id) || ' cases' FROM events
 WHERE type IN ('case.opened', 'case.alert_linked') GROUP BY body #>> '{{data,alert_id}}' HAVING count(DISTINCT case_id) > 1
UNION ALL
SELECT 'a sealed member at position ' || s.position || ' has no event or no key' FROM docket.sealed AS s
  LEFT JOIN events AS e ON e.position = s.position
  LEFT JOIN docket.subject_key AS k ON k.tenant_id = s.tenant_id AND k.key_id = s.subject_key_id
 WHERE s.tenant_id = '{tenant}' AND (e.position IS NULL OR k.key_id IS NULL)
"""


def structure(place, tenant):
    """Dense positions and versions, nothing double, nothing without its event."""
    return [row[0] for row in place.sql(STRUCTURE.format(tenant=tenant["id"]))]


def pages(server, path, token):
    """All items of a list, or of the events."""
    join, cursor = "&" if "?" in path else "?", ""
    while True:
        answer = server.ask("GET", f"{path}{join}limit=500{cursor}", token)
        if answer is None or answer.status != 200:
            raise RuntimeError(f"{path} answers {answer and answer.status}")
        yield from answer.json["items"]
        if not answer.json.get("has_more"):
            return
        cursor = f"&cursor={answer.json['next_cursor']}"


def acknowledged(place, tenant, record, since):
    """Whatever was answered is there, once, and is what was sent."""
    violations = []
    token = tenant["tokens"]["alice"]
    position = place.sql(f"SELECT next_position - 1 FROM docket.tenant_head WHERE tenant_id = '{tenant['id']}'")[0][0]
    alerts, comments = {}, {}
    for item in pages(place.first, f"/v1/alerts?min_position={position}", token):
        alerts.setdefault(item["source_ref"], []).append(item.get("alert_id") or item["id"])
    after = -1
    while True:
        answer = place.first.ask("GET", f"/v1/events?type=case.commented&after={after}&limit=500", token)
        if answer is None or answer.status != 200:
            raise RuntimeError(f"/v1/events answers {answer and answer.status}")
        items = answer.json["items"]
        for item in items:
            comments.setdefault(item["data"]["text"], []).append(item["position"])
            after = item["position"]
        if not items:
            break
    for name, reference, alert_id in record.alerts[since[0]:]:
        if name == tenant["name"] and alerts.get(reference) != [alert_id]:
            violations.append(f"alert {reference} was acknowledged as {alert_id}, and is {alerts.get(reference)}")
    for name, _, position, text in record.comments[since[1]:]:
        if name == tenant["name"] and comments.get(text) != [position]:
            violations.append(f"a comment was acknowledged at {position}, and is at {comments.get(text)}")
    violations += [f"alert {ref} is there {len(ids)} times" for ref, ids in alerts.items() if len(ids) > 1]
    violations += [f"a comment is there {len(at)} times" for at in comments.values() if len(at) > 1]
    return violations


class Checkpoint:
    """A C2SP tlog-checkpoint, as far as it is needed: the signature is for `docket audit fsck`."""

    def __init__(self, note):
        lines = note.split("\n")
        self.note, self.size, self.root = note, int(lines[1]), base64.b64decode(lines[2])


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_consistent(first, first_root, second, second_root, path):
    """RFC 9162, 2.1.4.2."""
    if first == second:
        return first_root == second_root and not path
    if first == 0:
        return not path
    if first & (first - 1) == 0:
        path = [first_root, *path]
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for hash_ in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(hash_, fr), node(hash_, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


def checkpoint(server, tenant):
    answer = server.ask("GET", "/v1/audit/checkpoint", tenant["tokens"]["aude"])
    return Checkpoint(answer.content.decode()) if answer is not None and answer.status == 200 else None


def history(place, tenant, seen):
    """The tree of now goes on from the last checkpoint that somebody saw before."""
    if seen is None:
        return []
    now = checkpoint(place.first, tenant)
    if now is None:
        return [f"there was a checkpoint of {seen.size} events, and there is none any more"]
    if now.size < seen.size:
        return [f"the newest checkpoint is of {now.size} events, and one of {seen.size} was seen"]
    path = []
    if 0 < seen.size < now.size:
        answer = place.first.ask(
            "GET", f"/v1/audit/proofs/consistency?from={seen.size}&to={now.size}", tenant["tokens"]["aude"])
        if answer is None or answer.status != 200:
            return [f"no proof from {seen.size} to {now.size}: {answer and answer.content[:300]!r}"]
        path = [base64.b64decode(hash_) for hash_ in answer.json["path"]]
    if is_consistent(seen.size, seen.root, now.size, now.root, path):
        return []
    return [f"the checkpoint of {now.size} events does not go on from that of {seen.size}"]


def soundness(place, tenant=None):
    """Leaves, columns, tiles, every signed checkpoint."""
    done = place.docket("audit", "fsck", *(["--tenant", tenant["name"]] if tenant else []))
    if done.returncode == 0:
        return []
    return [f"audit fsck: {line}" for line in (done.stdout + done.stderr).splitlines()[:10]] or ["audit fsck failed"]


def projections(place, tenant):
    """The rows are those that the log gives when it is folded again."""
    done = place.docket("projections", "verify", "--tenant", tenant["name"])
    if done.returncode == 0:
        return []
    lines = [line for line in done.stdout.splitlines() if "DIFFERS" in line] + done.stderr.splitlines()[:5]
    return [f"projections verify: {line[:500]}" for line in lines or [f"status {done.returncode}"]]
