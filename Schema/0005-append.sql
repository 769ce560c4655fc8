-- The only door of the log: one call writes one batch of one tenant, whole or not at all, and gives a verdict for each
-- request. A request is one stream with at least one event; a call holds at most one request per stream.
--
-- Everything is set-based. What was measured to matter, and looks odd otherwise:
-- · look-ups are lateral subqueries with OFFSET 0 or LIMIT, always executed as one index probe per row. A plain join
--   would be planned from the statistics of a young, empty table and scan the grown one.
-- · the look-up of an event_id asks for a range of one, in order. For equality, a plan made on the empty table takes any
--   index that begins with tenant_id (all cost the same there) and filters: 500 events a second, until the table is
--   analyzed. With sorting priced out, only the index on (tenant_id, event_id) can deliver that order.
-- · what one statement finds is handed to the next in arrays indexed by ordinal, not by joins between row sets whose
--   size a generic plan cannot know.
-- · the settings pin that: a generic plan, no sequential scan, no sort where an index will do, and no JIT compilation of
--   a plan that runs for 20 ms.
--
-- Read committed is required: each statement must see what was committed before the head row's lock was granted.
-- Nothing here reads a clock or a sequence, and nothing notifies: NOTIFY would serialize all commits of the cluster.
SET ROLE docket_owner;

CREATE FUNCTION docket.append(
    p_tenant                  uuid,
    p_epoch                   bigint,
    p_now                     timestamptz,
    -- requests: element r of each array is request r, counted from 1
    p_stream_kinds            text[],
    p_stream_ids              uuid[],
    p_case_ids                uuid[],         -- NULL: no case
    p_expected_versions       bigint[],       -- NULL: any; 0: the stream must be new
    -- events: element e is event e, counted from 1, in the order of their requests
    p_event_requests          integer[],      -- the request it belongs to
    p_event_ids               uuid[],
    p_event_types             text[],
    p_event_schema_versions   integer[],
    p_event_occurred_at       timestamptz[],
    p_event_actors            text[],         -- canonical JSON
    p_event_caused_by         uuid[],         -- NULL: nothing
    p_event_correlation_ids   uuid[],
    p_event_trace_ids         text[],         -- NULL: none
    p_event_bodies            text[],         -- canonical JSON of the whole envelope
    -- sealed members: for each event n = 0, 1, 2, …
    p_sealed_events           integer[] DEFAULT '{}',  -- the event it belongs to
    p_sealed_ns               integer[] DEFAULT '{}',
    p_sealed_keys             uuid[]    DEFAULT '{}',
    p_sealed_digests          bytea[]   DEFAULT '{}',
    p_sealed_salts            bytea[]   DEFAULT '{}',
    p_sealed_nonces           bytea[]   DEFAULT '{}',
    p_sealed_ciphertexts      bytea[]   DEFAULT '{}',
    -- raw input
    p_evidence_requests       integer[] DEFAULT '{}',  -- the request it belongs to
    p_evidence_digests        bytea[]   DEFAULT '{}',
    p_evidence_media_types    text[]    DEFAULT '{}',
    p_evidence_sizes          bigint[]  DEFAULT '{}',
    p_evidence_keys           uuid[]    DEFAULT '{}',
    p_evidence_nonces         bytea[]   DEFAULT '{}',
    p_evidence_ciphertexts    bytea[]   DEFAULT '{}',
    -- the wrapping of every key named above, known to the database already or not
    p_key_ids                 uuid[]    DEFAULT '{}',
    p_key_wrapped             bytea[]   DEFAULT '{}'
) RETURNS TABLE (
    ordinal          integer,
    verdict          text,
    first_position   bigint,
    last_position    bigint,
    first_version    bigint,
    last_version     bigint,
    recorded_at      timestamptz,
    current_version  bigint,
    event_id         uuid
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_sort = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    c_events_max     CONSTANT integer  := 4096;
    c_clock_behind   CONSTANT interval := '5 seconds';
    c_microsecond    CONSTANT interval := '1 microsecond';
    c_nothing_sealed CONSTANT bytea    := decode(repeat('00', 32), 'hex');

    v_request_count  integer := cardinality(p_stream_ids);
    v_event_count    integer := cardinality(p_event_ids);
    v_distinct_ids   bigint;
    v_wrong          integer;

    v_head           docket.tenant_head;
    v_first_time     timestamptz;  -- recorded_at of the first new event
    v_first_us       bigint;       -- the same in µs since 1970
    v_new_count      bigint;

    -- by request
    v_verdicts       text[];
    v_counts         bigint[];
    v_versions       bigint[];     -- of the stream, before this call
    v_first_position bigint[];
    v_last_position  bigint[];
    v_first_version  bigint[];
    v_last_version   bigint[];
    v_recorded_at    timestamptz[];
    v_clashing_ids   uuid[];
    v_fresh          boolean[];    -- to be written

    -- by event
    v_positions      bigint[];     -- -1: not to be written
    v_event_versions bigint[];
    v_sealed_digests bytea[];

    v_collision      record;
    v_bad_keys       text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs read committed, not %', current_setting('transaction_isolation')
            USING ERRCODE = 'DK005';
    END IF;

    -- The shape of the call. Whatever is wrong here is a defect of the caller, so the whole batch is refused.
    IF (v_request_count BETWEEN 1 AND v_event_count AND v_event_count <= c_events_max
        AND array_lower(p_stream_ids, 1) = 1 AND array_lower(p_case_ids, 1) = 1
        AND array_lower(p_expected_versions, 1) = 1
        AND v_request_count = ALL (ARRAY[
            cardinality(p_stream_kinds), cardinality(p_case_ids), cardinality(p_expected_versions)])
        AND v_event_count = ALL (ARRAY[
            cardinality(p_event_requests), cardinality(p_event_types), cardinality(p_event_schema_versions),
            cardinality(p_event_occurred_at), cardinality(p_event_actors), cardinality(p_event_caused_by),
            cardinality(p_event_correlation_ids), cardinality(p_event_trace_ids), cardinality(p_event_bodies)])
        AND cardinality(p_sealed_events) = ALL (ARRAY[
            cardinality(p_sealed_ns), cardinality(p_sealed_keys), cardinality(p_sealed_digests),
            cardinality(p_sealed_salts), cardinality(p_sealed_nonces), cardinality(p_sealed_ciphertexts)])
        AND cardinality(p_evidence_requests) = ALL (ARRAY[
            cardinality(p_evidence_digests), cardinality(p_evidence_media_types), cardinality(p_evidence_sizes),
            cardinality(p_evidence_keys), cardinality(p_evidence_nonces), cardinality(p_evidence_ciphertexts)])
        AND cardinality(p_key_ids) = cardinality(p_key_wrapped)
        AND isfinite(p_now)
    ) IS NOT TRUE THEN
        RAISE EXCEPTION 'malformed batch: % requests, % events (1 to % allowed), or arrays of unequal length',
            v_request_count, v_event_count, c_events_max USING ERRCODE = 'DK004';
    END IF;
    IF (SELECT count(DISTINCT r.id) FROM unnest(p_stream_ids) AS r(id)) <> v_request_count THEN
        RAISE EXCEPTION 'malformed batch: two requests for one stream' USING ERRCODE = 'DK004';
    END IF;
    IF (SELECT bool_or(e.step NOT IN (0, 1)) OR min(e.request) <> 1 OR max(e.request) <> v_request_count
               OR count(e.request) <> v_event_count
          FROM (SELECT n.request, n.request - lag(n.request, 1, 1) OVER (ORDER BY n.ordinal) AS step
                  FROM unnest(p_event_requests) WITH ORDINALITY AS n(request, ordinal)) AS e) IS NOT FALSE THEN
        RAISE EXCEPTION 'malformed batch: events are not in the order of their requests, or a request has none'
            USING ERRCODE = 'DK004';
    END IF;
    IF EXISTS (SELECT FROM unnest(p_sealed_events) AS s(event)
                WHERE (s.event BETWEEN 1 AND v_event_count) IS NOT TRUE)
       OR EXISTS (SELECT FROM unnest(p_evidence_requests) AS d(request)
                   WHERE (d.request BETWEEN 1 AND v_request_count) IS NOT TRUE) THEN
        RAISE EXCEPTION 'malformed batch: a sealed member or evidence of no event or request' USING ERRCODE = 'DK004';
    END IF;
    v_distinct_ids := (SELECT count(DISTINCT e.id) FROM unnest(p_event_ids) AS e(id));
    IF v_distinct_ids <> v_event_count THEN
        v_wrong := (SELECT e.request FROM unnest(p_event_requests, p_event_ids) AS e(request, id)
                    GROUP BY e.request, e.id HAVING count(*) > 1 LIMIT 1);
        IF v_wrong IS NOT NULL THEN
            RAISE EXCEPTION 'malformed batch: request % holds one event_id twice', v_wrong USING ERRCODE = 'DK004';
        END IF;
    END IF;
    -- json would keep U+0000 and lone surrogates, and every later ->> on the row would fail. Canonical JSON writes no
    -- surrogate as an escape, so any is refused. An even number of backslashes before the u is text, not an escape.
    v_wrong := (SELECT n.request
                  FROM unnest(p_event_requests, p_event_bodies, p_event_actors) AS n(request, body, actor)
                 WHERE strpos(n.body, '\u') > 0 AND n.body ~ '(^|[^\\])(\\\\)*\\u(0000|[dD][89abAB]|[dD][c-fC-F])'
                    OR strpos(n.actor, '\u') > 0 AND n.actor ~ '(^|[^\\])(\\\\)*\\u(0000|[dD][89abAB]|[dD][c-fC-F])'
                 LIMIT 1);
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'malformed batch: a body of request % holds U+0000 or an escaped surrogate', v_wrong
            USING ERRCODE = 'DK004';
    END IF;

    -- The tenant's turn: held until commit.
    SELECT * INTO v_head FROM docket.tenant_head AS h WHERE h.tenant_id = p_tenant FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown tenant %', p_tenant USING ERRCODE = 'DK003';
    END IF;
    IF v_head.writer_epoch IS DISTINCT FROM p_epoch THEN
        RAISE EXCEPTION 'writer epoch % is not the tenant''s epoch %', p_epoch, v_head.writer_epoch
            USING ERRCODE = 'DK001';
    END IF;
    IF p_now < v_head.last_recorded_at - c_clock_behind THEN
        RAISE EXCEPTION 'the writer''s clock (%) is more than % behind the last event (%)',
            p_now, c_clock_behind, v_head.last_recorded_at USING ERRCODE = 'DK002';
    END IF;

    -- The verdicts. Known ids first, versions second: a repeated request must find its first answer even though the
    -- stream has moved on, be it by that very request.
    SELECT array_agg(CASE
               WHEN q.known = q.events AND q.same THEN 'duplicate'
               WHEN q.known > 0 THEN 'mismatch'
               WHEN p_expected_versions[q.request] <> coalesce(s.version, 0) THEN 'conflict'
               ELSE 'appended' END ORDER BY q.request),
           array_agg(q.events ORDER BY q.request),
           array_agg(coalesce(s.version, 0) ORDER BY q.request),
           array_agg(q.first_position ORDER BY q.request), array_agg(q.last_position ORDER BY q.request),
           array_agg(q.first_version ORDER BY q.request), array_agg(q.last_version ORDER BY q.request),
           array_agg(q.recorded_at ORDER BY q.request),
           array_agg(q.clashing_id ORDER BY q.request),
           min(q.request) FILTER (WHERE s.kind <> p_stream_kinds[q.request])
      INTO v_verdicts, v_counts, v_versions, v_first_position, v_last_position, v_first_version, v_last_version,
           v_recorded_at, v_clashing_ids, v_wrong
      FROM (SELECT n.request,
                   count(*) AS events, count(e.position) AS known, bool_and(e.same) AS same,
                   min(e.position) AS first_position, max(e.position) AS last_position,
                   min(e.version) AS first_version, max(e.version) AS last_version, max(e.recorded_at) AS recorded_at,
                   (array_agg(n.id ORDER BY e.same, n.ordinal) FILTER (WHERE e.position IS NOT NULL))[1] AS clashing_id
              FROM unnest(p_event_requests, p_event_ids, p_event_types, p_event_bodies)
                       WITH ORDINALITY AS n(request, id, type, body, ordinal)
              LEFT JOIN LATERAL (
                   SELECT l.position, l.version, l.recorded_at,
                          l.stream_id = p_stream_ids[n.request] AND l.type = n.type AND l.body::text = n.body AS same
                     FROM docket.event AS l
                    WHERE l.tenant_id = p_tenant AND l.event_id >= n.id AND l.event_id <= n.id
                    ORDER BY l.event_id LIMIT 1) AS e ON true
             GROUP BY n.request) AS q
      LEFT JOIN LATERAL (
           SELECT t.kind, t.version FROM docket.stream AS t
            WHERE t.tenant_id = p_tenant AND t.stream_id = p_stream_ids[q.request] OFFSET 0) AS s ON true;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'malformed batch: request % gives another kind than its stream has', v_wrong
            USING ERRCODE = 'DK004';
    END IF;

    -- One event_id in two requests of this call: the first request that appends it has it, and for the later ones it
    -- lies in a foreign stream. Each answer depends on the one before, hence the loop, over the colliding pairs only.
    IF v_distinct_ids <> v_event_count THEN
        FOR v_collision IN
            SELECT later.request, first.request AS earlier, later.id
              FROM unnest(p_event_requests, p_event_ids) WITH ORDINALITY AS later(request, id, ordinal)
              JOIN unnest(p_event_requests, p_event_ids) AS first(request, id)
                ON first.id = later.id AND first.request < later.request
             ORDER BY later.request, later.ordinal, first.request
        LOOP
            IF v_verdicts[v_collision.earlier] = 'appended'
               AND v_verdicts[v_collision.request] IN ('appended', 'conflict') THEN
                v_verdicts[v_collision.request] := 'mismatch';
                v_clashing_ids[v_collision.request] := v_collision.id;
            END IF;
        END LOOP;
    END IF;

    -- Dense positions and versions, and what of each event was sealed: d0 ‖ d1 ‖ … in the order of n.
    SELECT array_agg(v.verdict = 'appended' ORDER BY v.request) INTO v_fresh
      FROM unnest(v_verdicts) WITH ORDINALITY AS v(verdict, request);
    SELECT array_agg(e.position ORDER BY e.ordinal), array_agg(e.version ORDER BY e.ordinal),
           count(*) FILTER (WHERE e.position >= 0)
      INTO v_positions, v_event_versions, v_new_count
      FROM (SELECT n.ordinal,
                   CASE WHEN v_fresh[n.request] THEN v_head.next_position - 1
                        + count(*) FILTER (WHERE v_fresh[n.request]) OVER (ORDER BY n.ordinal) ELSE -1 END AS position,
                   v_versions[n.request] + row_number() OVER (PARTITION BY n.request ORDER BY n.ordinal) AS version
              FROM unnest(p_event_requests) WITH ORDINALITY AS n(request, ordinal)) AS e;

    IF v_new_count > 0 THEN
        v_first_time := greatest(p_now, v_head.last_recorded_at + c_microsecond);
        v_first_us := (extract(epoch FROM v_first_time) * 1000000)::bigint;  -- extract gives numeric: exact

        IF cardinality(p_sealed_events) = 0 THEN
            v_sealed_digests := array_fill(c_nothing_sealed, ARRAY[v_event_count]);
        ELSE
            SELECT array_agg(CASE WHEN g.n_max < 0 THEN c_nothing_sealed ELSE sha256(g.digests) END ORDER BY g.event),
                   min(g.event) FILTER (WHERE g.n_max <> g.sealed - 1)
              INTO v_sealed_digests, v_wrong
              FROM (SELECT d.event, max(d.n) AS n_max, count(*) FILTER (WHERE d.n >= 0) AS sealed,
                           string_agg(d.digest, '' ORDER BY d.n) AS digests
                      FROM (SELECT s.event, s.n, s.digest
                              FROM unnest(p_sealed_events, p_sealed_ns, p_sealed_digests) AS s(event, n, digest)
                            UNION ALL
                            SELECT g, -1, ''::bytea FROM generate_series(1, v_event_count) AS g) AS d
                     GROUP BY d.event) AS g;
            IF v_wrong IS NOT NULL THEN
                RAISE EXCEPTION 'malformed batch: sealed members of event % are not n = 0, 1, 2, …', v_wrong
                    USING ERRCODE = 'DK004';
            END IF;
        END IF;

        INSERT INTO docket.event (
            tenant_id, position, stream_id, version, event_id, recorded_at, occurred_at, case_id, caused_by,
            correlation_id, schema_version, type, trace_id, actor, sealed_digest, leaf_hash, body)
        SELECT p_tenant, e.position, p_stream_ids[e.request], e.version, e.id,
               v_first_time + (e.position - v_head.next_position) * c_microsecond,
               e.occurred_at, p_case_ids[e.request], e.caused_by,
               e.correlation_id, e.schema_version, e.type, e.trace_id, e.actor::json, e.sealed_digest,
               docket.leaf_hash(
                   p_tenant, e.position, p_stream_ids[e.request], e.version, e.id, e.schema_version,
                   v_first_us + (e.position - v_head.next_position), e.type, e.body, e.sealed_digest),
               e.body::json
          FROM unnest(
                   v_positions, v_event_versions, p_event_requests, p_event_ids, p_event_types, p_event_schema_versions,
                   p_event_occurred_at, p_event_actors, p_event_caused_by, p_event_correlation_ids, p_event_trace_ids,
                   p_event_bodies, v_sealed_digests)
               AS e(position, version, request, id, type, schema_version, occurred_at, actor, caused_by, correlation_id,
                    trace_id, body, sealed_digest)
         WHERE e.position >= 0;

        IF cardinality(p_key_ids) > 0 THEN
            INSERT INTO docket.subject_key (tenant_id, key_id, wrapped_key)
            SELECT DISTINCT p_tenant, k.id, k.wrapped
              FROM unnest(p_key_ids, p_key_wrapped) AS k(id, wrapped)
             WHERE k.id IN (
                   SELECT s.key FROM unnest(p_sealed_events, p_sealed_keys) AS s(event, key)
                    WHERE v_positions[s.event] >= 0
                   UNION ALL
                   SELECT d.key FROM unnest(p_evidence_requests, p_evidence_keys) AS d(request, key)
                    WHERE v_fresh[d.request])
            ON CONFLICT (tenant_id, key_id) DO NOTHING;
        END IF;
        IF cardinality(p_sealed_events) + cardinality(p_evidence_requests) > 0 THEN
            -- Ciphertext under a key that is not the stored one (another process made the subject's key first, or it
            -- was erased meanwhile) could never be read again. The caller reads the keys anew and seals again.
            v_bad_keys := (
                SELECT string_agg(DISTINCT u.key::text, ',')
                  FROM (SELECT s.key FROM unnest(p_sealed_events, p_sealed_keys) AS s(event, key)
                         WHERE v_positions[s.event] >= 0
                        UNION
                        SELECT d.key FROM unnest(p_evidence_requests, p_evidence_keys) AS d(request, key)
                         WHERE v_fresh[d.request]) AS u
                  LEFT JOIN unnest(p_key_ids, p_key_wrapped) AS k(id, wrapped) ON k.id = u.key
                 WHERE (k.wrapped = (
                       SELECT t.wrapped_key FROM docket.subject_key AS t
                        WHERE t.tenant_id = p_tenant AND t.key_id = u.key)) IS NOT TRUE);
            IF v_bad_keys IS NOT NULL THEN
                RAISE EXCEPTION 'sealed under keys that are not the stored ones'
                    USING ERRCODE = 'DK006', DETAIL = v_bad_keys;
            END IF;
        END IF;
        IF cardinality(p_sealed_events) > 0 THEN
            INSERT INTO docket.sealed (tenant_id, position, n, subject_key_id, digest, salt, nonce, ciphertext)
            SELECT p_tenant, v_positions[s.event], s.n, s.key, s.digest, s.salt, s.nonce, s.ciphertext
              FROM unnest(p_sealed_events, p_sealed_ns, p_sealed_keys, p_sealed_digests, p_sealed_salts,
                          p_sealed_nonces, p_sealed_ciphertexts)
                   AS s(event, n, key, digest, salt, nonce, ciphertext)
             WHERE v_positions[s.event] >= 0;
        END IF;
        IF cardinality(p_evidence_requests) > 0 THEN
            INSERT INTO docket.evidence (
                tenant_id, digest, media_type, size, subject_key_id, first_position, nonce, ciphertext)
            SELECT p_tenant, d.digest, d.media_type, d.size, d.key,
                   v_positions[array_position(p_event_requests, d.request)], d.nonce, d.ciphertext
              FROM unnest(p_evidence_requests, p_evidence_digests, p_evidence_media_types, p_evidence_sizes,
                          p_evidence_keys, p_evidence_nonces, p_evidence_ciphertexts)
                   AS d(request, digest, media_type, size, key, nonce, ciphertext)
             WHERE v_fresh[d.request]
            ON CONFLICT (tenant_id, digest) DO NOTHING;
        END IF;

        INSERT INTO docket.stream (tenant_id, stream_id, kind, version)
        SELECT p_tenant, r.stream_id, r.kind, r.version + r.events
          FROM unnest(p_stream_ids, p_stream_kinds, v_versions, v_counts, v_fresh)
                   AS r(stream_id, kind, version, events, fresh)
         WHERE r.fresh
        ON CONFLICT (tenant_id, stream_id) DO UPDATE SET version = excluded.version;

        UPDATE docket.tenant_head
           SET next_position = v_head.next_position + v_new_count,
               last_recorded_at = v_first_time + (v_new_count - 1) * c_microsecond
         WHERE tenant_id = p_tenant;
    END IF;

    RETURN QUERY
    SELECT r.ordinal::integer, r.verdict,
           CASE r.verdict WHEN 'appended' THEN a.last_position - r.events + 1
                          WHEN 'duplicate' THEN r.first_position END,
           CASE r.verdict WHEN 'appended' THEN a.last_position WHEN 'duplicate' THEN r.last_position END,
           CASE r.verdict WHEN 'appended' THEN r.version + 1 WHEN 'duplicate' THEN r.first_version END,
           CASE r.verdict WHEN 'appended' THEN r.version + r.events WHEN 'duplicate' THEN r.last_version END,
           CASE r.verdict WHEN 'appended' THEN v_first_time + (a.last_position - v_head.next_position) * c_microsecond
                          WHEN 'duplicate' THEN r.recorded_at END,
           CASE r.verdict WHEN 'appended' THEN r.version + r.events ELSE r.version END,
           CASE r.verdict WHEN 'mismatch' THEN r.clashing_id END
      FROM (SELECT u.*, sum(u.events) OVER (ORDER BY u.ordinal)::bigint AS last_event
              FROM unnest(v_verdicts, v_counts, v_versions, v_first_position, v_last_position, v_first_version,
                          v_last_version, v_recorded_at, v_clashing_ids)
                       WITH ORDINALITY AS u(verdict, events, version, first_position, last_position, first_version,
                                            last_version, recorded_at, clashing_id, ordinal)) AS r
     CROSS JOIN LATERAL (SELECT v_positions[r.last_event] AS last_position) AS a
     ORDER BY r.ordinal;
END
$$;

RESET ROLE;
