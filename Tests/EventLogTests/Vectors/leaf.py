#!/usr/bin/env python3
"""Writes leaf.json: Merkle leaves computed from the definition alone, for every implementation to be held against.

    leaf = SHA-256(0x00 || header || SHA-256(body) || sealed_digest)

The header is big-endian: tenant 16 B, position i64, stream_id 16 B, version i64, event_id 16 B, schema_version i32,
recorded_at in microseconds since 1970 i64, length of type in bytes u16, type in UTF-8. sealed_digest is 32 zero bytes
when nothing is sealed, else SHA-256(d0 || d1 || ...), dn = SHA-256(salt || JCS(value n)).

Nothing here may be derived from the SQL or the Swift implementation: agreement of strangers is the point.
Usage: leaf.py > leaf.json
"""

import hashlib
import json
import struct
import sys
import uuid

I64_MAX = 2**63 - 1
I64_MIN = -(2**63)
TENANT = "0193b1a0-0000-7000-8000-000000000001"


def sha256(data):
    return hashlib.sha256(data).digest()


def sealed_value(salt_byte, canonical):
    """One sealed member: the digest binds a salted canonical value, so that it says nothing once the salt is gone."""
    salt = bytes([salt_byte]) * 32
    return {
        "salt": salt.hex(),
        "value": canonical,
        "digest": sha256(salt + canonical.encode("utf-8")).hex(),
    }


def sealed_digest(sealed):
    if not sealed:
        return bytes(32)
    return sha256(b"".join(bytes.fromhex(member["digest"]) for member in sealed))


def header(case):
    event_type = case["type"].encode("utf-8")
    return b"".join([
        uuid.UUID(case["tenant_id"]).bytes,
        struct.pack(">q", case["position"]),
        uuid.UUID(case["stream_id"]).bytes,
        struct.pack(">q", case["version"]),
        uuid.UUID(case["event_id"]).bytes,
        struct.pack(">i", case["schema_version"]),
        struct.pack(">q", case["recorded_us"]),
        struct.pack(">H", len(event_type)),
        event_type,
    ])


def leaf(case):
    body_digest = sha256(case["body"].encode("utf-8"))
    return sha256(b"\x00" + header(case) + body_digest + sealed_digest(case["sealed"]))


def make(name, **changes):
    case = {
        "name": name,
        "tenant_id": TENANT,
        "position": 0,
        "stream_id": "0193b1a0-0000-7000-8000-0000000000aa",
        "version": 1,
        "event_id": "0193b1a0-0000-7000-8000-0000000000e1",
        "schema_version": 1,
        "recorded_us": 1_763_694_000_123_456,
        "type": "case.opened",
        "body": '{"data":{"severity_id":3},"schema_version":1,"type":"case.opened"}',
        "sealed": [],
    }
    case.update(changes)
    for number in ("position", "version", "recorded_us"):
        assert I64_MIN <= case[number] <= I64_MAX
    # i64 values are strings in the file: JSON readers may not hold more than 2^53.
    written = {key: str(value) if key in ("position", "version", "recorded_us") else value
               for key, value in case.items()}
    written["header"] = header(case).hex()
    written["sealed_digest"] = sealed_digest(case["sealed"]).hex()
    written["leaf"] = leaf(case).hex()
    return written


def cases():
    one = [sealed_value(0x11, '"Zoë Ångström"')]
    two = one + [sealed_value(0x22, '{"addr":"10.0.0.1","n":[1,2]}')]
    return [
        make("the first event, nothing sealed"),
        make("the second event of the stream", position=1, version=2, recorded_us=1_763_694_000_123_457),
        make("one sealed member", body='{"data":{"title":{"$sealed":0}}}', sealed=one),
        make("two sealed members", body='{"data":{"host":{"$sealed":1},"title":{"$sealed":0}}}', sealed=two),
        make("the same two members in the other order", sealed=list(reversed(two))),
        make("a sealed null and a sealed empty string", sealed=[sealed_value(0, "null"), sealed_value(255, '""')]),
        make("a type beyond ASCII: the length counts bytes", type="случай.открыт"),
        make("a type beyond the basic plane", type="🛡.raised"),
        make("a type of 300 bytes: both bytes of the length", type="t" * 300),
        make("a type of 1023 bytes in three-byte characters", type="界" * 341),
        make("a body beyond ASCII", body='{"data":{"text":"naïve 漢字 🦊 \u2028"}}'),
        make("composed and decomposed are different bytes (composed)", body='{"data":"\u00e9"}'),
        make("composed and decomposed are different bytes (decomposed)", body='{"data":"e\u0301"}'),
        make("a body with escapes kept as they are", body='{"data":"\\"\\\\u0000 \\u001f\\n"}'),
        make("a body whose spaces, order and duplicate keys must survive", body='{ "b" : 1 ,\n "a":1.0, "b":1e2 }'),
        make("an empty object as the body", body="{}"),
        make("a large body", body='{"data":"' + "0123456789abcdef" * 1024 + '"}'),
        make("the largest numbers", position=I64_MAX, version=I64_MAX, schema_version=2**31 - 1, recorded_us=I64_MAX),
        make("numbers beyond 2^53", position=2**53 + 1, version=2**53 + 3, recorded_us=2**53 + 5),
        make("negative schema version", schema_version=-1),
        make("the microsecond 0 of 1970", recorded_us=0),
        make("the microsecond before 1970", recorded_us=-1),
        make("a time in 1960", recorded_us=-315_619_200_000_000),
        make("all identifiers zero", tenant_id=str(uuid.UUID(int=0)), stream_id=str(uuid.UUID(int=0)),
             event_id=str(uuid.UUID(int=0))),
        make("all identifiers ones", tenant_id=str(uuid.UUID(int=2**128 - 1)), stream_id=str(uuid.UUID(int=2**128 - 1)),
             event_id=str(uuid.UUID(int=2**128 - 1))),
    ]


def main():
    document = {
        "description": "Leaves of the event log. i64 values are decimal strings; bytes are hexadecimal.",
        "cases": cases(),
    }
    names = [case["name"] for case in document["cases"]]
    leaves = [case["leaf"] for case in document["cases"]]
    assert len(set(names)) == len(names) and len(set(leaves)) == len(leaves)
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
