-- Making room for a tenant, and fencing the place that it left.
SET ROLE docket_owner;

-- True when this call created the tenant; an existing one stays as it is, whatever epoch is given.
CREATE FUNCTION docket.create_tenant(p_tenant uuid, p_epoch bigint DEFAULT 0) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO docket.tenant_head (tenant_id, next_position, last_recorded_at, writer_epoch)
    VALUES (p_tenant, 0, NULL, p_epoch)
    ON CONFLICT (tenant_id) DO NOTHING;
    RETURN FOUND;
END
$$;

-- Moves the tenant to a higher epoch: from now on every writer that still holds the old one is refused (DK001).
-- For a tenant that is moved or restored, so nobody but the owner may call it.
CREATE FUNCTION docket.fence_tenant(p_tenant uuid, p_epoch bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE docket.tenant_head SET writer_epoch = p_epoch WHERE tenant_id = p_tenant AND writer_epoch < p_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tenant % is unknown, or its epoch is not below %', p_tenant, p_epoch USING ERRCODE = 'DK001';
    END IF;
END
$$;

RESET ROLE;
