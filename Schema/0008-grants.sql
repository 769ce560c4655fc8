-- Who may do what. Nobody but docket_owner owns anything, and nobody else may write to the log except through its
-- functions, which run with the owner's rights.
SET ROLE docket_owner;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA docket FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE docket_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA docket, projection, reporting TO docket_app, docket_reader, docket_eraser;
GRANT USAGE ON SCHEMA reporting TO docket_reporter;

-- The server.
GRANT SELECT ON ALL TABLES IN SCHEMA docket TO docket_app, docket_eraser;
GRANT INSERT ON docket.checkpoint TO docket_app;
GRANT INSERT, DELETE ON docket.tile TO docket_app;  -- of tiles, the trigger lets only superseded partial ones go
GRANT INSERT, UPDATE, DELETE
    ON docket.projection_position, docket.projection_live, docket.reactor_position, docket.idempotency_key
    TO docket_app;

-- The eraser also appends the event of the erasure and clears the projections, in the same transaction.
GRANT UPDATE ON docket.projection_position TO docket_eraser;

-- The auditor and the verifier see the log, but neither keys nor salts: with a salt, values can be tried on a digest.
GRANT SELECT ON docket.tenant_head, docket.stream, docket.event, docket.tile, docket.checkpoint,
    docket.projection_position, docket.projection_live TO docket_reader;
GRANT SELECT (tenant_id, position, n, subject_key_id, digest) ON docket.sealed TO docket_reader;
GRANT SELECT (tenant_id, digest, media_type, size, subject_key_id, first_position) ON docket.evidence TO docket_reader;

DO $grants$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
         WHERE p.pronamespace = 'docket'::regnamespace AND p.proname IN ('append', 'leaf_hash')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO docket_app, docket_eraser', v_function);
    END LOOP;
END
$grants$;
GRANT EXECUTE ON FUNCTION
    docket.leaf_hash(uuid, bigint, uuid, bigint, uuid, integer, bigint, text, text, bytea) TO docket_reader;
GRANT EXECUTE ON FUNCTION
    docket.create_tenant(uuid, bigint), docket.set_legal_hold(uuid, uuid[], boolean) TO docket_app;
GRANT EXECUTE ON FUNCTION docket.erase(uuid, bigint, uuid[]) TO docket_eraser;

-- What docket_owner creates later in the other two schemas.
ALTER DEFAULT PRIVILEGES FOR ROLE docket_owner IN SCHEMA projection
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO docket_app;
ALTER DEFAULT PRIVILEGES FOR ROLE docket_owner IN SCHEMA projection
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO docket_eraser;
ALTER DEFAULT PRIVILEGES FOR ROLE docket_owner IN SCHEMA projection GRANT SELECT ON TABLES TO docket_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE docket_owner IN SCHEMA reporting
    GRANT SELECT ON TABLES TO docket_app, docket_reader, docket_reporter;

RESET ROLE;
