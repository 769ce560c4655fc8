-- The roles of Docket, and the schemas that they share.
--
-- Roles belong to the cluster, not to the database, so this file is content to find them there: several databases of
-- one cluster (tests, tenants placed apart) are installed by the same file, possibly at the same moment.
-- It runs as a superuser of a private cluster, or as the owner of the database with CREATEROLE.
-- None of these roles can log in. A login role is granted the one that it needs, or the connection does SET ROLE.
DO $roles$
DECLARE
    v_role text;
    v_may_become_owner boolean;
BEGIN
    FOREACH v_role IN ARRAY
        ARRAY['docket_owner', 'docket_app', 'docket_reader', 'docket_reporter', 'docket_eraser']
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- created by another installation between the look and the leap
        END;
    END LOOP;

    -- Whoever installs must be able to create objects as docket_owner. From PostgreSQL 16 on, membership alone does not
    -- allow SET ROLE.
    v_may_become_owner := CASE
        WHEN current_setting('server_version_num')::int >= 160000 THEN pg_has_role('docket_owner', 'SET')
        ELSE pg_has_role('docket_owner', 'MEMBER')
    END;
    IF NOT v_may_become_owner THEN
        EXECUTE format('GRANT docket_owner TO %I', current_user);
    END IF;
END
$roles$;

-- docket: the log. projection: what can be rebuilt from it. reporting: stable views for reports.
CREATE SCHEMA docket AUTHORIZATION docket_owner;
CREATE SCHEMA projection AUTHORIZATION docket_owner;
CREATE SCHEMA reporting AUTHORIZATION docket_owner;
