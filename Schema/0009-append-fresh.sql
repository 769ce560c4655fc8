-- docket.append in two ways. Nearly every call brings only what is new: that way is short, and optimistic. It takes the
-- tenant's turn and the positions in one update, looks once at the streams unless all are said to be new, inserts, and
-- lets the unique indexes say whether an event_id was known. Only when something was not new is all of it undone and each
-- request judged by itself (docket.append_judged, the function of 0005 under another name). Both leave the same rows.
--
-- What looks odd otherwise (Benchmarks/RESULTS.md has what all of it together gained):
-- · the batch is one value with arrays in it: PL/pgSQL copies each array that is a parameter of its own into a form of
--   its own, 30 times a call, whether it is used or not.
-- · what need not be a query is none: each has a plan to start and to end, however few its rows.
-- · no plan here can read a table otherwise than by the key it should: INSERT needs none, look-ups are lateral with
--   OFFSET 0, and of one row.
SET ROLE docket_owner;

ALTER FUNCTION docket.append RENAME TO append_judged;
REVOKE ALL ON FUNCTION docket.append_judged FROM docket_app, docket_eraser;

-- One call's requests and events; what each is says 0005.
CREATE TYPE docket.append_batch AS (
    -- by request, counted from 1
    stream_kinds           text[],
    stream_ids             uuid[],
    case_ids               uuid[],         -- NULL: no case
    expected_versions      bigint[],       -- NULL: any; 0: the stream must be new
    first_events           integer[],      -- the first of its events, which lie one behind the other
    -- by event, counted from 1
    event_requests         integer[],      -- the request it belongs to
    event_ids              uuid[],
    event_types            text[],
    event_schema_versions  integer[],
    event_occurred_at      timestamptz[],
    event_actors           text[],
    event_caused_by        uuid[],
    event_correlation_ids  uuid[],
    event_trace_ids        text[],
    event_bodies           text[],
    -- by sealed member
    sealed_events          integer[],      -- the event it belongs to
    sealed_ns              integer[],
    sealed_keys            uuid[],
    sealed_digests         bytea[],
    sealed_salts           bytea[],
    sealed_nonces          bytea[],
    sealed_ciphertexts     bytea[],
    -- by item of evidence
    evidence_requests      integer[],      -- the request it belongs to
    evidence_digests       bytea[],
    evidence_media_types   text[],
    evidence_sizes         bigint[],
    evidence_keys          uuid[],
    evidence_nonces        bytea[],
    evidence_ciphertexts   bytea[],
    -- every key named above
    key_ids                uuid[],
    key_wrapped            bytea[]
);

CREATE TYPE docket.append_answer AS (
    -- The short way: where it all lies.
    first_position    bigint,
    recorded_at       timestamptz,  -- of the first event; each further one has a microsecond more
    stream_versions   bigint[],     -- by request: the stream's version before this call
    -- The long way, by request: what append_judged says. NULL after the short one.
    verdicts          text[],
    first_positions   bigint[],
    last_positions    bigint[],
    first_versions    bigint[],
    last_versions     bigint[],
    last_recorded_at  timestamptz[],
    current_versions  bigint[],
    clashing_ids      uuid[]
);

CREATE FUNCTION docket.append(
    p_tenant  uuid,
    p_epoch   bigint,
    p_now     timestamptz,
    b         docket.append_batch
) RETURNS docket.append_answer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    c_events_max     CONSTANT integer  := 4096;
    c_clock_behind   CONSTANT interval := '5 seconds';
    c_microsecond    CONSTANT interval := '1 microsecond';
    c_nothing_sealed CONSTANT bytea    := '\x0000000000000000000000000000000000000000000000000000000000000000';

    v_request_count  integer := cardinality(b.stream_ids);
    v_event_count    integer := cardinality(b.event_ids);
    v_next           bigint;
    v_first_time     timestamptz;
    v_first_us       bigint;
    v_epoch          bigint;
    v_versions       bigint[];
    v_is_fresh       boolean;
    v_sealed_digests bytea[];
    v_inserted       integer;
    v_bad_keys       text;
    v_answer         docket.append_answer;
BEGIN
    -- What the short way takes for granted, in expressions that need no query. A body with an escaped U+0000 or
    -- surrogate is looked at closely on the long way, and so is all that is malformed.
    IF (v_request_count BETWEEN 1 AND v_event_count AND v_event_count <= c_events_max
        AND array_lower(b.stream_ids, 1) = 1 AND array_lower(b.case_ids, 1) = 1
        AND array_lower(b.expected_versions, 1) = 1 AND array_lower(b.first_events, 1) = 1
        AND v_request_count = ALL (ARRAY[
            cardinality(b.stream_kinds), cardinality(b.case_ids), cardinality(b.expected_versions),
            cardinality(b.first_events)])
        AND v_event_count = ALL (ARRAY[
            cardinality(b.event_requests), cardinality(b.event_types), cardinality(b.event_schema_versions),
            cardinality(b.event_occurred_at), cardinality(b.event_actors), cardinality(b.event_caused_by),
            cardinality(b.event_correlation_ids), cardinality(b.event_trace_ids), cardinality(b.event_bodies)])
        AND cardinality(b.sealed_events) = ALL (ARRAY[
            cardinality(b.sealed_ns), cardinality(b.sealed_keys), cardinality(b.sealed_digests),
            cardinality(b.sealed_salts), cardinality(b.sealed_nonces), cardinality(b.sealed_ciphertexts)])
        AND cardinality(b.evidence_requests) = ALL (ARRAY[
            cardinality(b.evidence_digests), cardinality(b.evidence_media_types), cardinality(b.evidence_sizes),
            cardinality(b.evidence_keys), cardinality(b.evidence_nonces), cardinality(b.evidence_ciphertexts)])
        AND cardinality(b.key_ids) = cardinality(b.key_wrapped)
        AND isfinite(p_now)
        AND strpos(array_to_string(b.event_bodies, ''), '\u') = 0
        AND strpos(array_to_string(b.event_actors, ''), '\u') = 0
        AND current_setting('transaction_isolation') = 'read committed')
    THEN
        BEGIN
            -- The tenant's turn, and the positions.
            UPDATE docket.tenant_head AS h
               SET next_position = h.next_position + v_event_count,
                   last_recorded_at = greatest(p_now, h.last_recorded_at + c_microsecond)
                                      + (v_event_count - 1) * c_microsecond
             WHERE h.tenant_id = p_tenant
            RETURNING h.next_position - v_event_count, h.last_recorded_at - (v_event_count - 1) * c_microsecond,
                      h.writer_epoch
              INTO v_next, v_first_time, v_epoch;
            -- An unknown tenant, another epoch, a clock behind: the long way says so. (The first new event's time is a
            -- microsecond after the last one's when the clock is behind.)
            v_is_fresh := FOUND AND v_epoch = p_epoch AND v_first_time <= p_now + c_clock_behind + c_microsecond;
            IF v_is_fresh IS NOT TRUE THEN
                RAISE EXCEPTION 'not everything is new' USING ERRCODE = 'DK009';
            END IF;

            IF 0 = ALL (b.expected_versions) THEN
                -- Of a stream that is there, the unique index of versions tells.
                v_versions := array_fill(0::bigint, ARRAY[v_request_count]);
            ELSE
                SELECT array_agg(coalesce(s.version, 0) ORDER BY r.ordinal),
                       bool_and(coalesce(r.expected = coalesce(s.version, 0), true) AND coalesce(s.kind = r.kind, true))
                  INTO v_versions, v_is_fresh
                  FROM unnest(b.stream_ids, b.expected_versions, b.stream_kinds)
                           WITH ORDINALITY AS r(stream_id, expected, kind, ordinal)
                  LEFT JOIN LATERAL (
                       SELECT t.kind, t.version FROM docket.stream AS t
                        WHERE t.tenant_id = p_tenant AND t.stream_id = r.stream_id OFFSET 0) AS s ON true;
                IF v_is_fresh IS NOT TRUE THEN
                    RAISE EXCEPTION 'not everything is new' USING ERRCODE = 'DK009';
                END IF;
            END IF;

            v_first_us := (extract(epoch FROM v_first_time) * 1000000)::bigint;  -- extract gives numeric: exact
            IF cardinality(b.sealed_events) = 0 THEN
                v_sealed_digests := array_fill(c_nothing_sealed, ARRAY[v_event_count]);
            ELSE
                SELECT array_agg(CASE WHEN g.sealed = 0 THEN c_nothing_sealed ELSE sha256(g.digests) END
                                 ORDER BY g.event),
                       bool_and(g.n_max = g.sealed - 1) AND count(*) = v_event_count
                  INTO v_sealed_digests, v_is_fresh
                  FROM (SELECT d.event, max(d.n) AS n_max, count(*) - 1 AS sealed,
                               string_agg(d.digest, '' ORDER BY d.n) AS digests
                          FROM (SELECT s.event, s.n, s.digest
                                  FROM unnest(b.sealed_events, b.sealed_ns, b.sealed_digests) AS s(event, n, digest)
                                UNION ALL
                                SELECT g, -1, ''::bytea FROM generate_series(1, v_event_count) AS g) AS d
                         GROUP BY d.event) AS g;
                IF v_is_fresh IS NOT TRUE THEN
                    RAISE EXCEPTION 'malformed batch' USING ERRCODE = 'DK009';
                END IF;
            END IF;

            INSERT INTO docket.event (
                tenant_id, position, stream_id, version, event_id, recorded_at, occurred_at, case_id, caused_by,
                correlation_id, schema_version, type, trace_id, actor, sealed_digest, leaf_hash, body)
            SELECT p_tenant, v_next + e.ordinal - 1, b.stream_ids[e.request], e.version, e.id,
                   v_first_time + (e.ordinal - 1) * c_microsecond,
                   e.occurred_at, b.case_ids[e.request], e.caused_by,
                   e.correlation_id, e.schema_version, e.type, e.trace_id, e.actor::json, e.sealed_digest,
                   docket.leaf_hash(
                       p_tenant, v_next + e.ordinal - 1, b.stream_ids[e.request], e.version, e.id, e.schema_version,
                       v_first_us + e.ordinal - 1, e.type, e.body, e.sealed_digest),
                   e.body::json
              FROM (SELECT n.*, v_versions[n.request] + 1 + n.ordinal - b.first_events[n.request] AS version
                      FROM unnest(
                               b.event_requests, b.event_ids, b.event_types, b.event_schema_versions,
                               b.event_occurred_at, b.event_actors, b.event_caused_by, b.event_correlation_ids,
                               b.event_trace_ids, b.event_bodies, v_sealed_digests)
                               WITH ORDINALITY
                           AS n(request, id, type, schema_version, occurred_at, actor, caused_by, correlation_id,
                                trace_id, body, sealed_digest, ordinal)
                     -- An event outside its request's share is left out, and then counted as missing.
                     WHERE n.ordinal >= b.first_events[n.request]
                       AND n.ordinal < coalesce(b.first_events[n.request + 1], v_event_count + 1)) AS e;
            GET DIAGNOSTICS v_inserted = ROW_COUNT;
            IF v_inserted <> v_event_count OR b.first_events[1] <> 1 THEN
                RAISE EXCEPTION 'malformed batch' USING ERRCODE = 'DK009';
            END IF;

            IF cardinality(b.sealed_events) + cardinality(b.evidence_requests) > 0 THEN
                INSERT INTO docket.subject_key (tenant_id, key_id, wrapped_key)
                SELECT DISTINCT p_tenant, k.id, k.wrapped
                  FROM unnest(b.key_ids, b.key_wrapped) AS k(id, wrapped)
                ON CONFLICT (tenant_id, key_id) DO NOTHING;
                -- Ciphertext under a key that is not the stored one (another process made the subject's key first, or
                -- it was erased meanwhile) could never be read again. The caller reads the keys anew and seals again.
                v_bad_keys := (
                    SELECT string_agg(DISTINCT u.key::text, ',')
                      FROM (SELECT unnest(b.sealed_keys) UNION SELECT unnest(b.evidence_keys)) AS u(key)
                      LEFT JOIN unnest(b.key_ids, b.key_wrapped) AS k(id, wrapped) ON k.id = u.key
                     WHERE (k.wrapped = (
                           SELECT t.wrapped_key FROM docket.subject_key AS t
                            WHERE t.tenant_id = p_tenant AND t.key_id = u.key)) IS NOT TRUE);
                IF v_bad_keys IS NOT NULL THEN
                    RAISE EXCEPTION 'sealed under keys that are not the stored ones'
                        USING ERRCODE = 'DK006', DETAIL = v_bad_keys;
                END IF;
                INSERT INTO docket.sealed (tenant_id, position, n, subject_key_id, digest, salt, nonce, ciphertext)
                SELECT p_tenant, v_next + s.event - 1, s.n, s.key, s.digest, s.salt, s.nonce, s.ciphertext
                  FROM unnest(b.sealed_events, b.sealed_ns, b.sealed_keys, b.sealed_digests, b.sealed_salts,
                              b.sealed_nonces, b.sealed_ciphertexts)
                       AS s(event, n, key, digest, salt, nonce, ciphertext);
                INSERT INTO docket.evidence (
                    tenant_id, digest, media_type, size, subject_key_id, first_position, nonce, ciphertext)
                SELECT p_tenant, d.digest, d.media_type, d.size, d.key, v_next + b.first_events[d.request] - 1,
                       d.nonce, d.ciphertext
                  FROM unnest(b.evidence_requests, b.evidence_digests, b.evidence_media_types, b.evidence_sizes,
                              b.evidence_keys, b.evidence_nonces, b.evidence_ciphertexts)
                       AS d(request, digest, media_type, size, key, nonce, ciphertext)
                ON CONFLICT (tenant_id, digest) DO NOTHING;
            END IF;

            -- Of a request without an event, a new stream would have version 0, which its CHECK refuses.
            IF 0 = ALL (b.expected_versions) THEN
                INSERT INTO docket.stream (tenant_id, stream_id, kind, version)
                SELECT p_tenant, r.stream_id, r.kind,
                       coalesce(b.first_events[r.ordinal + 1], v_event_count + 1) - r.first_event
                  FROM unnest(b.stream_ids, b.stream_kinds, b.first_events)
                           WITH ORDINALITY AS r(stream_id, kind, first_event, ordinal);
            ELSE
                INSERT INTO docket.stream (tenant_id, stream_id, kind, version)
                SELECT p_tenant, r.stream_id, r.kind,
                       r.version + coalesce(b.first_events[r.ordinal + 1], v_event_count + 1) - r.first_event
                  FROM unnest(b.stream_ids, b.stream_kinds, v_versions, b.first_events)
                           WITH ORDINALITY AS r(stream_id, kind, version, first_event, ordinal)
                ON CONFLICT (tenant_id, stream_id) DO UPDATE SET version = excluded.version;
            END IF;

            v_answer.first_position := v_next;
            v_answer.recorded_at := v_first_time;
            v_answer.stream_versions := v_versions;
            RETURN v_answer;
        EXCEPTION
            -- Known event ids, two requests for one stream, or what was found above: undone, and judged one by one.
            WHEN SQLSTATE 'DK009' OR unique_violation OR cardinality_violation THEN NULL;
        END;
    END IF;

    SELECT array_agg(j.verdict ORDER BY j.ordinal),
           array_agg(j.first_position ORDER BY j.ordinal), array_agg(j.last_position ORDER BY j.ordinal),
           array_agg(j.first_version ORDER BY j.ordinal), array_agg(j.last_version ORDER BY j.ordinal),
           array_agg(j.recorded_at ORDER BY j.ordinal), array_agg(j.current_version ORDER BY j.ordinal),
           array_agg(j.event_id ORDER BY j.ordinal)
      INTO v_answer.verdicts, v_answer.first_positions, v_answer.last_positions, v_answer.first_versions,
           v_answer.last_versions, v_answer.last_recorded_at, v_answer.current_versions, v_answer.clashing_ids
      FROM docket.append_judged(
               p_tenant, p_epoch, p_now, b.stream_kinds, b.stream_ids, b.case_ids, b.expected_versions,
               b.event_requests, b.event_ids, b.event_types, b.event_schema_versions, b.event_occurred_at,
               b.event_actors, b.event_caused_by, b.event_correlation_ids, b.event_trace_ids, b.event_bodies,
               b.sealed_events, b.sealed_ns, b.sealed_keys, b.sealed_digests, b.sealed_salts, b.sealed_nonces,
               b.sealed_ciphertexts, b.evidence_requests, b.evidence_digests, b.evidence_media_types,
               b.evidence_sizes, b.evidence_keys, b.evidence_nonces, b.evidence_ciphertexts, b.key_ids,
               b.key_wrapped) AS j;
    RETURN v_answer;
END
$$;

-- A condition of the trigger costs a fraction of a call of its function, and these are passed by every append.
DO $triggers$
DECLARE
    v_trigger record;
BEGIN
    FOR v_trigger IN
        SELECT * FROM (VALUES
            ('event_insert', 'docket.event', 'INSERT'),
            ('tenant_head_write', 'docket.tenant_head', 'INSERT OR UPDATE'),
            ('stream_write', 'docket.stream', 'INSERT OR UPDATE'),
            ('sealed_write', 'docket.sealed', 'INSERT OR UPDATE'),
            ('evidence_write', 'docket.evidence', 'INSERT OR DELETE'),
            ('subject_key_write', 'docket.subject_key', 'INSERT OR UPDATE OR DELETE')
        ) AS t(name, relation, operations)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.name, v_trigger.relation);
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE %s ON %s FOR EACH STATEMENT WHEN (current_user <> ''docket_owner'')
             EXECUTE FUNCTION docket.refuse_unless_owner()',
            v_trigger.name, v_trigger.operations, v_trigger.relation);
    END LOOP;
END
$triggers$;

REVOKE ALL ON FUNCTION docket.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION docket.append TO docket_app, docket_eraser;

RESET ROLE;
