-- Holds the SQL against leaf.json: docket.leaf_hash for all cases, docket.append for those that an append can produce
-- (position 0 of a tenant, version 1 of a stream, a time that fits timestamptz). Fails on the first difference.
-- How to run it: Schema/README.md. Nothing is kept.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
CREATE TEMPORARY TABLE vectors ON COMMIT DROP AS SELECT :'vectors'::json AS document;

DO $prove$
DECLARE
    v_case       json;
    v_event      record;
    v_functions  integer := 0;
    v_appends    integer := 0;
    v_key        constant uuid := '00000000-0000-4000-8000-000000000001';
    v_sealed     integer;
    v_us         bigint;
BEGIN
    FOR v_case IN SELECT json_array_elements(document -> 'cases') FROM vectors LOOP
        IF docket.leaf_hash(
               (v_case ->> 'tenant_id')::uuid, (v_case ->> 'position')::bigint, (v_case ->> 'stream_id')::uuid,
               (v_case ->> 'version')::bigint, (v_case ->> 'event_id')::uuid, (v_case ->> 'schema_version')::integer,
               (v_case ->> 'recorded_us')::bigint, v_case ->> 'type', v_case ->> 'body',
               decode(v_case ->> 'sealed_digest', 'hex'))
           IS DISTINCT FROM decode(v_case ->> 'leaf', 'hex') THEN
            RAISE EXCEPTION 'leaf_hash differs: %', v_case ->> 'name';
        END IF;
        v_functions := v_functions + 1;

        v_us := v_case ->> 'recorded_us';
        CONTINUE WHEN v_case ->> 'position' <> '0' OR v_case ->> 'version' <> '1' OR abs(v_us) > 2::bigint ^ 53;
        v_sealed := json_array_length(v_case -> 'sealed');
        BEGIN
            PERFORM docket.create_tenant((v_case ->> 'tenant_id')::uuid);
            PERFORM docket.append(
                (v_case ->> 'tenant_id')::uuid, 0, timestamptz 'epoch' + v_us * interval '1 microsecond',
                ROW(
                    ARRAY['case'], ARRAY[(v_case ->> 'stream_id')::uuid], ARRAY[NULL::uuid], ARRAY[0::bigint], ARRAY[1],
                    ARRAY[1], ARRAY[(v_case ->> 'event_id')::uuid], ARRAY[v_case ->> 'type'],
                    ARRAY[(v_case ->> 'schema_version')::integer], ARRAY[timestamptz 'epoch'], ARRAY['{}'],
                    ARRAY[NULL::uuid], ARRAY[v_key], ARRAY[NULL::text], ARRAY[v_case ->> 'body'],
                    array_fill(1, ARRAY[v_sealed]), ARRAY(SELECT n - 1 FROM generate_series(1, v_sealed) AS n),
                    array_fill(v_key, ARRAY[v_sealed]),
                    ARRAY(SELECT decode(m ->> 'digest', 'hex')
                            FROM json_array_elements(v_case -> 'sealed') WITH ORDINALITY AS s(m, n) ORDER BY n),
                    ARRAY(SELECT decode(m ->> 'salt', 'hex')
                            FROM json_array_elements(v_case -> 'sealed') WITH ORDINALITY AS s(m, n) ORDER BY n),
                    array_fill('\x00'::bytea, ARRAY[v_sealed]), array_fill('\x00'::bytea, ARRAY[v_sealed]),
                    '{}', '{}', '{}', '{}', '{}', '{}', '{}', ARRAY[v_key], ARRAY['\x00'::bytea])::docket.append_batch);
            SELECT e.leaf_hash, e.sealed_digest, e.body::text AS body,
                   (extract(epoch FROM e.recorded_at) * 1000000)::bigint AS recorded_us
              INTO STRICT v_event FROM docket.event AS e WHERE e.tenant_id = (v_case ->> 'tenant_id')::uuid;
            IF v_event.leaf_hash <> decode(v_case ->> 'leaf', 'hex')
               OR v_event.sealed_digest <> decode(v_case ->> 'sealed_digest', 'hex')
               OR v_event.body <> v_case ->> 'body' OR v_event.recorded_us <> v_us THEN
                RAISE EXCEPTION 'append differs: %', v_case ->> 'name';
            END IF;
            v_appends := v_appends + 1;
            RAISE EXCEPTION USING ERRCODE = 'DK999';  -- undo this case: the next one has the same tenant
        EXCEPTION WHEN SQLSTATE 'DK999' THEN
            NULL;
        END;
    END LOOP;
    IF v_functions < 12 OR v_appends < 12 THEN
        RAISE EXCEPTION 'only % and % cases were tried', v_functions, v_appends;
    END IF;
    RAISE NOTICE '% leaves equal by leaf_hash, % by append', v_functions, v_appends;
END
$prove$;
ROLLBACK;
