-- The second line: what even a superuser does not do by accident. (The first is 0008-grants.sql; the third, against a
-- superuser who means it, is the Merkle tree.) Never RULEs: they are not copied to Citus workers.
--
-- Statement triggers refuse the attempt even when no row matches, and TRUNCATE; row triggers stand behind them.
-- To distribute the tables, drop and recreate these triggers in the transaction that does it.
SET ROLE docket_owner;

CREATE FUNCTION docket.refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: the log is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'DK008';
END
$$;

-- Passes what is done inside the functions of 0004 to 0006, which run as docket_owner, and refuses it to everybody
-- else. Restoring or moving a tenant's rows is done as docket_owner, too.
CREATE FUNCTION docket.refuse_unless_owner() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_user <> 'docket_owner' THEN
        RAISE EXCEPTION '% of %.% is refused: it goes through the functions of schema docket only',
            TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'DK008';
    END IF;
    RETURN NULL;
END
$$;

-- Of a sealed member, only salt, nonce and ciphertext may go, and only after its key.
CREATE FUNCTION docket.refuse_unless_erasing_sealed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (NEW.tenant_id, NEW.position, NEW.n, NEW.subject_key_id, NEW.digest)
           IS DISTINCT FROM (OLD.tenant_id, OLD.position, OLD.n, OLD.subject_key_id, OLD.digest)
       OR NEW.ciphertext IS NOT NULL
       OR EXISTS (SELECT FROM docket.subject_key AS k
                   WHERE k.tenant_id = OLD.tenant_id AND k.key_id = OLD.subject_key_id) THEN
        RAISE EXCEPTION 'sealed data changes by erasure only, and its key goes first' USING ERRCODE = 'DK008';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION docket.refuse_unless_key_erased() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM docket.subject_key AS k
                WHERE k.tenant_id = OLD.tenant_id AND k.key_id = OLD.subject_key_id) THEN
        RAISE EXCEPTION 'evidence goes by erasure only, and its key goes first' USING ERRCODE = 'DK008';
    END IF;
    RETURN OLD;
END
$$;

CREATE FUNCTION docket.refuse_if_held() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.legal_hold THEN
        RAISE EXCEPTION 'a legal hold forbids the erasure' USING ERRCODE = 'DK007', DETAIL = OLD.key_id::text;
    END IF;
    RETURN OLD;
END
$$;

-- A partial tile may go once a wider one of the same place holds all its hashes.
CREATE FUNCTION docket.refuse_unless_wider_tile() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM docket.tile AS w
         WHERE w.tenant_id = OLD.tenant_id AND w.level = OLD.level AND w.tile_index = OLD.tile_index
           AND w.width > OLD.width AND substring(w.hashes FROM 1 FOR 32 * OLD.width) = OLD.hashes) THEN
        RAISE EXCEPTION 'a tile goes only when a wider one holds its hashes' USING ERRCODE = 'DK008';
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER event_insert BEFORE INSERT ON docket.event
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse_unless_owner();
CREATE TRIGGER event_change BEFORE UPDATE OR DELETE OR TRUNCATE ON docket.event
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();
CREATE TRIGGER event_change_row BEFORE UPDATE OR DELETE ON docket.event
    FOR EACH ROW EXECUTE FUNCTION docket.refuse();

CREATE TRIGGER checkpoint_change BEFORE UPDATE OR DELETE OR TRUNCATE ON docket.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();
CREATE TRIGGER checkpoint_change_row BEFORE UPDATE OR DELETE ON docket.checkpoint
    FOR EACH ROW EXECUTE FUNCTION docket.refuse();

CREATE TRIGGER tile_change BEFORE UPDATE OR TRUNCATE ON docket.tile
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();
CREATE TRIGGER tile_change_row BEFORE UPDATE ON docket.tile
    FOR EACH ROW EXECUTE FUNCTION docket.refuse();
CREATE TRIGGER tile_delete_row BEFORE DELETE ON docket.tile
    FOR EACH ROW EXECUTE FUNCTION docket.refuse_unless_wider_tile();

CREATE TRIGGER tenant_head_write BEFORE INSERT OR UPDATE ON docket.tenant_head
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse_unless_owner();
CREATE TRIGGER tenant_head_delete BEFORE DELETE OR TRUNCATE ON docket.tenant_head
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();

CREATE TRIGGER stream_write BEFORE INSERT OR UPDATE ON docket.stream
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse_unless_owner();
CREATE TRIGGER stream_delete BEFORE DELETE OR TRUNCATE ON docket.stream
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();

CREATE TRIGGER sealed_write BEFORE INSERT OR UPDATE ON docket.sealed
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse_unless_owner();
CREATE TRIGGER sealed_erase_row BEFORE UPDATE ON docket.sealed
    FOR EACH ROW EXECUTE FUNCTION docket.refuse_unless_erasing_sealed();
CREATE TRIGGER sealed_delete BEFORE DELETE OR TRUNCATE ON docket.sealed
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();
CREATE TRIGGER sealed_delete_row BEFORE DELETE ON docket.sealed
    FOR EACH ROW EXECUTE FUNCTION docket.refuse();

CREATE TRIGGER evidence_write BEFORE INSERT OR DELETE ON docket.evidence
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse_unless_owner();
CREATE TRIGGER evidence_erase_row BEFORE DELETE ON docket.evidence
    FOR EACH ROW EXECUTE FUNCTION docket.refuse_unless_key_erased();
CREATE TRIGGER evidence_change BEFORE UPDATE OR TRUNCATE ON docket.evidence
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();
CREATE TRIGGER evidence_change_row BEFORE UPDATE ON docket.evidence
    FOR EACH ROW EXECUTE FUNCTION docket.refuse();

CREATE TRIGGER subject_key_write BEFORE INSERT OR UPDATE OR DELETE ON docket.subject_key
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse_unless_owner();
CREATE TRIGGER subject_key_erase_row BEFORE DELETE ON docket.subject_key
    FOR EACH ROW EXECUTE FUNCTION docket.refuse_if_held();
CREATE TRIGGER subject_key_truncate BEFORE TRUNCATE ON docket.subject_key
    FOR EACH STATEMENT EXECUTE FUNCTION docket.refuse();

RESET ROLE;
