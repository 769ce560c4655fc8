-- The leaf of the Merkle tree, as docket.append stores it and as anyone may recompute it:
--
--   SHA-256( 0x00 ‖ header ‖ SHA-256(body) ‖ sealed_digest )
--   header, big-endian: tenant 16 B ‖ position i64 ‖ stream_id 16 B ‖ version i64 ‖ event_id 16 B ‖ schema_version i32
--                       ‖ recorded_at in µs since 1970 i64 ‖ length of type in bytes u16 ‖ type in UTF-8
--
-- 0x00 is the leaf prefix of RFC 6962, section 2.1. sealed_digest is 32 zero bytes when nothing is sealed.
-- A single expression, so that PostgreSQL inlines it. The length is cut from an int4, since int2 ends at 32767.
SET ROLE docket_owner;

CREATE FUNCTION docket.leaf_hash(
    p_tenant          uuid,
    p_position        bigint,
    p_stream          uuid,
    p_version         bigint,
    p_event           uuid,
    p_schema_version  integer,
    p_recorded_us     bigint,
    p_type            text,
    p_body            text,
    p_sealed_digest   bytea
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT sha256(
        '\x00'::bytea
        || uuid_send(p_tenant) || int8send(p_position)
        || uuid_send(p_stream) || int8send(p_version)
        || uuid_send(p_event) || int4send(p_schema_version)
        || int8send(p_recorded_us)
        || substring(int4send(octet_length(convert_to(p_type, 'UTF8'))) FROM 3)
        || convert_to(p_type, 'UTF8')
        || sha256(convert_to(p_body, 'UTF8'))
        || p_sealed_digest
    )
$$;

RESET ROLE;
