-- Erasure by deleting keys, and the hold that forbids it.
SET ROLE docket_owner;

-- Deletes the keys, and with them all that they made readable: ciphertext and salt of the sealed members (their digests
-- stay, so every proof still verifies) and the raw evidence. Repeating it is harmless and sweeps again.
-- To be called in the transaction that appends the event of the erasure and clears the projections' plaintext.
-- Takes the tenant's turn, so that no append under one of the keys can be under way.
CREATE FUNCTION docket.erase(p_tenant uuid, p_epoch bigint, p_key_ids uuid[])
RETURNS TABLE (keys bigint, sealed_members bigint, evidence_items bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_epoch bigint;
    v_held  text;
BEGIN
    SELECT h.writer_epoch INTO v_epoch FROM docket.tenant_head AS h WHERE h.tenant_id = p_tenant FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown tenant %', p_tenant USING ERRCODE = 'DK003';
    END IF;
    IF v_epoch IS DISTINCT FROM p_epoch THEN
        RAISE EXCEPTION 'writer epoch % is not the tenant''s epoch %', p_epoch, v_epoch USING ERRCODE = 'DK001';
    END IF;
    v_held := (SELECT string_agg(k.key_id::text, ',') FROM docket.subject_key AS k
                WHERE k.tenant_id = p_tenant AND k.key_id = ANY (p_key_ids) AND k.legal_hold);
    IF v_held IS NOT NULL THEN
        RAISE EXCEPTION 'a legal hold forbids the erasure' USING ERRCODE = 'DK007', DETAIL = v_held;
    END IF;

    DELETE FROM docket.subject_key AS k WHERE k.tenant_id = p_tenant AND k.key_id = ANY (p_key_ids);
    GET DIAGNOSTICS keys = ROW_COUNT;
    UPDATE docket.sealed AS s SET salt = NULL, nonce = NULL, ciphertext = NULL
     WHERE s.tenant_id = p_tenant AND s.subject_key_id = ANY (p_key_ids) AND s.ciphertext IS NOT NULL;
    GET DIAGNOSTICS sealed_members = ROW_COUNT;
    DELETE FROM docket.evidence AS d WHERE d.tenant_id = p_tenant AND d.subject_key_id = ANY (p_key_ids);
    GET DIAGNOSTICS evidence_items = ROW_COUNT;
    RETURN NEXT;
END
$$;

-- Sets or lifts the hold; gives the number of keys found, so that a caller sees an id that is unknown or erased.
CREATE FUNCTION docket.set_legal_hold(p_tenant uuid, p_key_ids uuid[], p_hold boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_found bigint;
BEGIN
    UPDATE docket.subject_key AS k SET legal_hold = p_hold WHERE k.tenant_id = p_tenant AND k.key_id = ANY (p_key_ids);
    GET DIAGNOSTICS v_found = ROW_COUNT;
    RETURN v_found;
END
$$;

RESET ROLE;
