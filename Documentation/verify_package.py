#!/usr/bin/env python3
"""Verifies an evidence package of Docket, offline.

Written from EvidencePackage.md, for auditors who do not want to trust Docket's own program. Needs Python 3.9 and the
package `cryptography` (for Ed25519), nothing else; opens no file outside the package but those named on the command
line, and no connection.

    verify_package.py [--key KEY] [--checkpoint FILE] [--json] PACKAGE

KEY is a verifier key or a file that holds one. Exit code 0: nothing found; 2: something found; 1: no package to read.
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import json
import os
import re
import struct
import sys
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "docket-package/v1"
DATA_FILES = ["events.ndjson", "sealed.ndjson", "evidence.ndjson", "leaves.bin", "gaps.bin"]
GIVEN = "the checkpoint given"
NEIGHBOURHOOD = 16
TRIAL_LIMIT = 1 << 22
INT64_MAX = (1 << 63) - 1


class Unreadable(Exception):
    """There is no package to verify."""


class Malformed(Exception):
    """Something breaks its format."""


# Hashes and the tree


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right)


def cover(start, end):
    """The perfect subtrees of a range, as pairs (level, first position)."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start
        start += 1 << level


class Stack:
    """The roots of the perfect subtrees so far."""

    def __init__(self):
        self.hashes = []

    def push(self, value, level, start):
        number = start >> level
        while number & 1:
            value = node(self.hashes.pop(), value)
            number >>= 1
        self.hashes.append(value)

    def root(self):
        if not self.hashes:
            return sha256(b"")
        value = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            value = node(left, value)
        return value


def parts(size, runs, cuts):
    """The tree from left to right: triples (is it a run, start, end), divided at the cuts."""
    edges = []
    position = 0
    for start, end in runs:
        if position < start:
            edges.append((False, position, start))
        edges.append((True, start, end))
        position = end
    if position < size:
        edges.append((False, position, size))
    for is_run, start, end in edges:
        inner = [cut for cut in cuts if start < cut < end]
        for first, last in zip([start] + inner, inner + [end]):
            yield is_run, first, last


# Notes, keys, checkpoints


def decode_base64(text):
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise Malformed("no base64")
    if base64.b64encode(data).decode() != text:
        raise Malformed("another text of the same base64")
    return data


def is_key_name(name):
    return bool(name) and not any(c == "+" or c.isspace() or ord(c) < 0x20 for c in name)


class Key:
    def __init__(self, text):
        fields = text.split("+", 2)
        if len(fields) != 3 or not is_key_name(fields[0]):
            raise Malformed("no verifier key")
        material = decode_base64(fields[2])
        if len(material) != 33 or material[0] != 1:
            raise Malformed("no Ed25519 key")
        self.name, self.public, self.text = fields[0], material[1:], text
        self.id = sha256(self.name.encode() + b"\n" + material)[:4]
        if fields[1] != self.id.hex():
            raise Malformed("the key id is not that of the key")

    @property
    def fingerprint(self):
        return "sha256:" + hashlib.sha256(self.public).hexdigest()

    def signed(self, text, signature):
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
            return True
        except (InvalidSignature, ValueError):
            return False


class Note:
    def __init__(self, data):
        if len(data) > 1 << 20 or any(byte < 0x20 and byte != 0x0A for byte in data):
            raise Malformed("too long, or control characters")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("not UTF-8")
        split = data.rfind(b"\n\n")
        if split < 0 or split + 2 >= len(data) or not data.endswith(b"\n"):
            raise Malformed("no signatures")
        self.text = data[:split + 1]
        self.signatures = []
        for line in data[split + 2:-1].split(b"\n"):
            fields = line.decode("utf-8").split(" ")
            if len(fields) != 3 or fields[0] != "\u2014" or not is_key_name(fields[1]):
                raise Malformed("no signature line")
            value = decode_base64(fields[2])
            if len(value) < 5:
                raise Malformed("a short signature")
            self.signatures.append((fields[1], value[:4], value[4:]))
        if len(self.signatures) > 100:
            raise Malformed("too many signatures")

    def signers(self, keys):
        """The keys that signed. Raises Malformed for a false signature of one of them."""
        found = []
        for name, key_id, signature in self.signatures:
            for key in keys:
                if key.name == name and key.id == key_id:
                    if not key.signed(self.text, signature):
                        raise Malformed("a false signature")
                    found.append(key)
        return found


class Checkpoint:
    def __init__(self, text):
        lines = text.decode("utf-8").split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise Malformed("no checkpoint")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) > INT64_MAX:
            raise Malformed("no size")
        self.origin, self.size, self.root = lines[0], int(lines[1]), decode_base64(lines[2])
        if len(self.root) != 32:
            raise Malformed("no root")


# The manifest


def exactly(value, names):
    if not isinstance(value, dict) or set(value) != set(names.split()):
        raise Malformed("members are missing or too many")
    return value


def integer(value, low=0, high=1 << 53):
    if type(value) is not int or not low <= value <= high:
        raise Malformed("no integer, or one out of bounds")
    return value


def text(value):
    if not isinstance(value, str):
        raise Malformed("no text")
    return value


def uuid_text(value):
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text(value)):
        raise Malformed("no UUID")
    return value


def digest_text(value):
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text(value)):
        raise Malformed("no digest")
    return value


class Manifest:
    def __init__(self, data):
        try:
            value = json.loads(data.decode("utf-8"))
            written = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        except (ValueError, RecursionError):
            raise Malformed("no JSON")
        if written != data:
            raise Malformed("not canonical")
        exactly(value, "format tenant_id origin scope tree_size runs cuts events sealed evidence keys created_at tool "
                       "files")
        if value["format"] != FORMAT:
            raise Malformed("another format")
        self.digest = hashlib.sha256(data).hexdigest()
        self.tenant = uuid.UUID(uuid_text(value["tenant_id"])).bytes
        self.origin, self.size = text(value["origin"]), integer(value["tree_size"])
        scope = value["scope"]
        self.case = None
        if scope != {"kind": "range"}:
            if exactly(scope, "kind case_id")["kind"] != "case":
                raise Malformed("another scope")
            self.case = uuid.UUID(uuid_text(scope["case_id"])).bytes
        self.runs = [(integer(start), integer(end)) for start, end in self.pairs(value["runs"])]
        self.cuts = [integer(cut, 1, self.size) for cut in self.array(value["cuts"])]
        integer(value["events"], -(1 << 53))
        for name in ("sealed", "evidence"):
            for count in exactly(value[name], "open erased withheld").values():
                integer(count, -(1 << 53))
        self.counts = [value["events"], value["sealed"], value["evidence"]]
        self.keys = []
        for item in self.array(value["keys"]):
            key = Key(text(exactly(item, "name verifier_key fingerprint")["verifier_key"]))
            if (item["name"], item["fingerprint"]) != (key.name, key.fingerprint):
                raise Malformed("a key is told differently")
            self.keys.append(key)
        text(value["created_at"])
        text(value["tool"])
        self.files = {}
        for item in self.array(value["files"]):
            path = text(exactly(item, "path size digest")["path"])
            if not path or path.startswith("/") or ".." in path.split("/"):
                raise Malformed("a path that leads out of the package")
            self.files[path] = (integer(item["size"]), digest_text(item["digest"])[7:])
        paths = [item["path"].encode() for item in value["files"]]
        ends = [0] + [end for _, end in self.runs]
        if (any(start >= end for start, end in self.runs) or ends[-1] > self.size
                or any(start <= end for (start, _), end in zip(self.runs[1:], ends[1:]))
                or any(a >= b for a, b in zip(self.cuts, self.cuts[1:]))
                or any(a >= b for a, b in zip(paths, paths[1:]))):
            raise Malformed("out of order")

    @staticmethod
    def array(value):
        if not isinstance(value, list):
            raise Malformed("no array")
        return value

    def pairs(self, value):
        for pair in self.array(value):
            if not isinstance(pair, list) or len(pair) != 2:
                raise Malformed("no pair")
            yield pair


# Lines


INT = rb"(-?(?:0|[1-9][0-9]*))"
HEX = rb"([0-9a-f]{64})"
UUID = rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
TIME = rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})Z"
STRING = rb'("(?:[^"\\\x00-\x1f]|\\.)*")'

EVENT_HEAD = re.compile(
    rb'\{"position":' + INT + rb',"event_id":"' + UUID + rb'","stream_id":"' + UUID + rb'","version":' + INT
    + rb',"schema_version":' + INT + rb',"recorded_at":"' + TIME + rb'","type":' + STRING + rb',"leaf_hash":"' + HEX
    + rb'","body_digest":"' + HEX + rb'","sealed_digest":"' + HEX
    + rb'","sealed":\[((?:"[0-9a-f]{64}"(?:,"[0-9a-f]{64}")*)?)\],"columns":\{"actor":', re.DOTALL)
COLUMNS_TAIL = re.compile(
    rb',"case_id":(null|"' + UUID + rb'"),"caused_by":(null|"' + UUID + rb'"),"correlation_id":"' + UUID
    + rb'","occurred_at":"' + TIME + rb'","stream_kind":' + STRING + rb',"trace_id":(null|' + STRING
    + rb')\},"body(_base64)?":', re.DOTALL)
SEALED = re.compile(
    rb'\{"position":' + INT + rb',"n":(0|[1-9][0-9]*),"state":"(?:(erased|withheld)"\}|open","salt":"' + HEX
    + rb'","value":(.*)\})', re.DOTALL)
EVIDENCE = re.compile(
    rb'\{"position":' + INT + rb',"digest":"(sha256:[0-9a-f]{64})","media_type":' + STRING + rb',"size":' + INT
    + rb',"state":"(included|erased|withheld)"\}', re.DOTALL)

EPOCH = datetime.datetime(1970, 1, 1)


def strict_object(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def refuse(_):
    raise ValueError("not JSON")


def strict_integer(digits):
    value = int(digits)
    if abs(value) > 1 << 53:
        raise ValueError("an integer that not every reader keeps")
    return value


STRICT = json.JSONDecoder(object_pairs_hook=strict_object, parse_constant=refuse, parse_int=strict_integer)


def microseconds(value):
    stamp = value.decode()
    when = datetime.datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S") - EPOCH
    return (when.days * 86400 + when.seconds) * 1_000_000 + int(stamp[20:])


def number(value):
    value = int(value)
    if not -INT64_MAX - 1 <= value <= INT64_MAX:
        raise ValueError("more than 64 bits")
    return value


def json_string(value):
    result = json.loads(value.decode("utf-8"))
    result.encode("utf-8")  # a lone surrogate has no bytes
    if "\0" in result:
        raise ValueError("U+0000")
    return result


class Event:
    """A line of events.ndjson. Raises ValueError for what is not one."""

    def __init__(self, line, tenant):
        head = EVENT_HEAD.match(line)
        if not head:
            raise ValueError("no event")
        (position, event_id, stream_id, version, schema, recorded, event_type, leaf, body_digest, sealed_digest,
         sealed) = head.groups()
        self.position, self.version, self.schema_version = number(position), number(version), number(schema)
        if not -(1 << 31) <= self.schema_version < 1 << 31:
            raise ValueError("more than 32 bits")
        self.event_id, self.stream_id = uuid.UUID(event_id.decode()).bytes, uuid.UUID(stream_id.decode()).bytes
        self.recorded_at = microseconds(recorded)
        self.type = json_string(event_type)
        self.stated_leaf, stated_body = bytes.fromhex(leaf.decode()), bytes.fromhex(body_digest.decode())
        self.sealed_digest = bytes.fromhex(sealed_digest.decode())
        self.sealed = [bytes.fromhex(item.strip(b'"').decode()) for item in sealed.split(b",")] if sealed else []
        self.body = self.take_columns(line, head.end())
        digest = sha256(self.body)
        self.has_stated_body = digest == stated_body
        self.has_stated_seals = self.sealed_digest == (sha256(b"".join(self.sealed)) if self.sealed else bytes(32))
        type_bytes = self.type.encode("utf-8")
        if len(type_bytes) > 65535:
            raise ValueError("a long type")
        self.before = b"\x00" + tenant
        self.after = (self.stream_id + struct.pack(">q", self.version) + self.event_id
                      + struct.pack(">iqH", self.schema_version, self.recorded_at, len(type_bytes)) + type_bytes
                      + digest + self.sealed_digest)
        self.leaf = self.leaf_at(self.position)

    def leaf_at(self, position):
        return sha256(self.before + struct.pack(">q", position) + self.after)

    def take_columns(self, line, start):
        """Reads the columns and returns the body."""
        rest = line[start:].decode("utf-8", "surrogateescape")
        actor, end = STRICT.raw_decode(rest)
        if not rest.startswith("{") or "\\u0000" in json.dumps(actor):
            raise ValueError("the actor is no object, or holds U+0000")
        json.dumps(actor, ensure_ascii=False).encode("utf-8")  # nor a lone surrogate
        offset = start + len(rest[:end].encode("utf-8"))  # what is no UTF-8 fails here
        tail = COLUMNS_TAIL.match(line, offset)
        if not tail:
            raise ValueError("no columns")
        case_id, _, caused_by, _, correlation, occurred, kind, trace, _, is_base64 = tail.groups()
        microseconds(occurred)
        self.columns = {
            "actor": actor, "case_id": json.loads(case_id), "caused_by": json.loads(caused_by),
            "correlation_id": correlation.decode(), "occurred_at": occurred.decode() + "Z",
            "stream_kind": json_string(kind), "trace_id": None if trace == b"null" else json_string(trace),
            "schema_version": self.schema_version, "type": self.type,
        }
        body = line[tail.end():]
        if not body.endswith(b"}"):
            raise ValueError("the line does not end")
        body = body[:-1]
        if is_base64:
            if len(body) < 2 or not body.startswith(b'"') or not body.endswith(b'"'):
                raise ValueError("no base64")
            try:
                return decode_base64(body[1:-1].decode("ascii"))
            except Malformed:
                raise ValueError("no base64")
        return body

    def differing(self):
        try:
            envelope = json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            return ["body"]
        if not isinstance(envelope, dict):
            return sorted(self.columns)
        return sorted(name for name, value in self.columns.items()
                      if name not in envelope or envelope[name] != value
                      or isinstance(envelope[name], bool) != isinstance(value, bool))


def lines(path):
    """Each line without its newline; None for a last one that has none."""
    with open(path, "rb") as file:
        for line in file:
            yield line[:-1] if line.endswith(b"\n") else None


# The verification


class Verifier:
    def __init__(self, folder, key, given):
        self.folder, self.key, self.given_note = folder, key, given
        self.keys = [key] if key else []
        self.findings = []
        self.manifest = None
        self.events = 0
        self.as_exported = False

    def path(self, name):
        return os.path.join(self.folder, *name.split("/"))

    def exists(self, name):
        """Whether there is a plain file; links and the like are never opened."""
        return os.path.isfile(self.path(name)) and not os.path.islink(self.path(name))

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def find(self, kind, positions=None, file=None, detail=""):
        first, last = positions if isinstance(positions, tuple) else (positions, positions)
        self.findings.append({"class": kind, "first": first, "last": last, "file": file, "detail": detail})

    def has_finding(self, file):
        return any(finding["file"] == file for finding in self.findings)

    def run(self):
        if not self.exists("manifest.json"):
            raise Unreadable("no manifest.json in " + self.folder)
        data = self.read("manifest.json")
        try:
            self.manifest = Manifest(data)
        except (Malformed, ValueError, TypeError) as error:
            self.find("package_malformed", file="manifest.json", detail=str(error))
            return
        self.trust()
        signed = self.check_manifest_note()
        self.check_checkpoints()
        listed_right = self.check_listing()
        missing = [name for name in DATA_FILES if not self.exists(name)]
        for name in missing:
            if not self.has_finding(name):
                self.find("package_malformed", file=name, detail="it is not there")
        if not missing and self.hashes_are_enough():
            self.check_events()
            self.check_roots()
            self.check_sealed()
            self.check_evidence()
        digests_right = self.check_digests()
        self.check_counts()
        self.as_exported = signed and listed_right and digests_right

    # Trust

    def trust(self):
        self.keys = [self.key] if self.key else list(self.manifest.keys)
        notes = []
        for name in self.manifest.files:
            if name.startswith("handovers/") and self.exists(name):
                try:
                    notes.append(Note(self.read(name)))
                except Malformed:
                    self.find("package_malformed", file=name, detail="no signed note")
        grown = True
        while grown:
            grown = False
            for note in notes:
                try:
                    fields = note.text.decode().split("\n")
                    if (note.signers(self.keys) and len(fields) == 4 and fields[0] == "docket-key-handover/v1"
                            and fields[1] == self.manifest.origin and not fields[3]):
                        key = Key(fields[2])
                        if all(key.text != known.text for known in self.keys):
                            self.keys.append(key)
                            grown = True
                except Malformed:
                    continue

    def check_manifest_note(self):
        name = "manifest.note"
        expected = "docket-package-manifest/v1\n%s\nsha256:%s\n" % (self.manifest.origin, self.manifest.digest)
        if not self.exists(name):
            self.find("manifest_forged", file=name, detail="the manifest is not signed")
            return False
        try:
            note = Note(self.read(name))
            if not note.signers(self.keys):
                self.find("wrong_key", file=name, detail="signed by no trusted key")
                return False
            if note.text != expected.encode():
                raise Malformed("another manifest was signed")
            return True
        except Malformed as error:
            self.find("manifest_forged", file=name, detail=str(error))
            return False

    def judge(self, data, name):
        """The checkpoint of a note and whether it is trusted; None when it is forged."""
        try:
            note = Note(data)
            checkpoint = Checkpoint(note.text)
            if checkpoint.origin != self.manifest.origin:
                raise Malformed("of another log")
            if note.signers(self.keys):
                return checkpoint, True
        except Malformed as error:
            self.find("checkpoint_forged", file=name, detail=str(error))
            return None
        self.find("wrong_key", file=name, detail="signed by no trusted key")
        return checkpoint, False

    def judge_file(self, name):
        if not self.exists(name):
            self.find("package_malformed", file=name, detail="it is not there")
            return None
        return self.judge(self.read(name), name)

    def check_checkpoints(self):
        self.main, self.main_is_trusted, self.further, self.given = None, False, {}, None
        judged = self.judge_file("checkpoint")
        if judged:
            self.main, self.main_is_trusted = judged
            if self.main.size != self.manifest.size:
                self.find("package_malformed", file="manifest.json", detail="tree_size is not the checkpoint's")
                self.main = None
        for size in self.manifest.cuts:
            name = "checkpoints/%d" % size
            judged = self.judge_file(name)
            if judged and judged[1]:
                if judged[0].size == size:
                    self.further[size] = judged[0]
                else:
                    self.find("package_malformed", file=name, detail="of another size")
        if self.given_note is not None:
            judged = self.judge(self.given_note, GIVEN)
            if judged and judged[1]:
                self.given = judged[0]

    def check_listing(self):
        there, others = set(), set()
        for folder, folders, names in os.walk(self.folder):
            for name in names + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
                name = os.path.relpath(os.path.join(folder, name), self.folder).replace(os.sep, "/")
                (there if self.exists(name) else others).add(name)
        for name in sorted(others):
            self.find("package_malformed", file=name, detail="it is no plain file")
        own = {"manifest.json", "manifest.note"}
        for name in sorted(there - set(self.manifest.files) - own):
            self.find("package_malformed", file=name, detail="the manifest does not list it")
        named = {"README.txt", "checkpoint", "record_integrity.json", *DATA_FILES}
        named |= {"checkpoints/%d" % cut for cut in self.manifest.cuts}
        for name in self.manifest.files:
            if name not in named and not re.fullmatch(r"handovers/[1-9][0-9]{0,17}|evidence/.*", name, re.DOTALL):
                self.find("package_malformed", file=name, detail="the format has no such file")
        for name in sorted(set(self.manifest.files) - there):
            if not self.has_finding(name):
                self.find("package_malformed", file=name, detail="it is not there")
        return there == set(self.manifest.files) | own and not others

    # Hashes

    def hashes_are_enough(self):
        manifest = self.manifest
        wanted = self.given.size if self.given else 0
        cuts = set(manifest.cuts) | {wanted for start, end in manifest.runs if start < wanted < end}
        self.parts = list(parts(manifest.size, manifest.runs, sorted(cuts)))
        self.offsets, count = [], 0
        for start, end in manifest.runs:
            self.offsets.append(count)
            count += end - start
        gaps = sum(len(list(cover(start, end))) for is_run, start, end in self.parts if not is_run)
        self.leaves, self.gaps = self.read("leaves.bin"), self.read("gaps.bin")
        right = True
        for name, data, number_of in (("leaves.bin", self.leaves, count), ("gaps.bin", self.gaps, gaps)):
            if len(data) != 32 * number_of:
                self.find("package_malformed", file=name, detail="it does not hold %d hashes" % number_of)
                right = False
        self.positions = [position for start, end in manifest.runs for position in range(start, end)] if right else []
        self.index = {position: index for index, position in enumerate(self.positions)}
        return right

    def leaf(self, index):
        return self.leaves[32 * index:32 * index + 32]

    def compute_roots(self, replaced=None):
        replaced = replaced or {}
        stack, roots, index, gap = Stack(), {}, 0, 0
        for is_run, start, end in self.parts:
            if is_run:
                for position in range(start, end):
                    stack.push(replaced.get(index) or self.leaf(index), 0, position)
                    index += 1
            else:
                for level, first in cover(start, end):
                    stack.push(self.gaps[gap:gap + 32], level, first)
                    gap += 32
            roots[end] = stack.root()
        roots[self.manifest.size] = stack.root()
        roots[0] = sha256(b"")
        return roots

    # Events

    def check_events(self):
        named = {}
        self.evidence, self.evidence_unreadable = [], []
        for ordinal, line in enumerate(lines(self.path("evidence.ndjson"))):
            match = EVIDENCE.fullmatch(line) if line is not None else None
            try:
                if not match:
                    raise ValueError("no evidence")
                position, digest, media_type, size, state = match.groups()
                canonical = json.dumps(json_string(media_type), ensure_ascii=False).encode()
                if canonical != media_type:
                    raise ValueError("not canonical")
                item = (number(position), digest.decode(), integer(number(size), -(1 << 53)), state)
            except (ValueError, Malformed):
                self.evidence_unreadable.append(ordinal)
                continue
            self.evidence.append(item)
            named.setdefault(item[0], []).append(digest)

        self.good, self.odd, self.unreadable, self.in_order = {}, [], [], []
        self.unnamed, self.bound = set(), {}
        last = None
        case_last = (-1, -1, 0)  # index, position, version
        for ordinal, line in enumerate(lines(self.path("events.ndjson"))):
            self.events += 1
            try:
                if line is None:
                    raise ValueError("no newline")
                event = Event(line, self.manifest.tenant)
            except (ValueError, RecursionError, OverflowError):
                self.unreadable.append(ordinal)
                continue
            position = event.position
            for n, digest in enumerate(event.sealed):
                if n == 0 and (position, 0) in self.bound:
                    break
                self.bound[(position, n)] = digest
            index = self.index.get(position)
            right = index is not None and self.leaf(index) == event.leaf
            if not right or index in self.good:
                self.odd.append((ordinal, index, event, right))
                continue
            self.good[index] = event.event_id
            self.in_order.append(index)
            differing = event.differing()
            if differing:
                self.find("column_mismatch", position, "events.ndjson", "not as in the body: " + ", ".join(differing))
            if not event.has_stated_seals:
                self.find("sealed_value_mismatch", position, "events.ndjson", "digests of sealed members")
            if event.leaf != event.stated_leaf or not event.has_stated_body:
                self.find("tile_altered", position, "events.ndjson", "a digest stated beside the event")
            if last and last[0] < index and event.recorded_at <= last[1]:
                self.find("time_reversed", position, "events.ndjson", "not after the event before it")
            if not last or last[0] < index:
                last = (index, event.recorded_at)
            for digest in named.get(position, []):
                if digest not in event.body:
                    self.unnamed.add(digest.decode())
            if self.manifest.case:
                case_last = self.check_case(event, index, case_last)
        self.judge_lines()

    def check_case(self, event, index, last):
        last_index, last_position, last_version = last
        if event.stream_id != self.manifest.case:
            self.find("event_inserted", event.position, "events.ndjson", "of another stream than the case's")
            return last
        if index <= last_index:
            return last
        if index == last_index + 1 and event.version != last_version + 1:
            first = min(last_position + 1, event.position)
            self.find("event_missing", (first, max(event.position - 1, first)), "events.ndjson",
                      "the case goes from version %d to %d" % (last_version, event.version))
        return index, event.position, event.version

    def judge_lines(self):
        missing = set(range(len(self.positions))) - set(self.good)
        self.roots = self.compute_roots()
        self.explained = False
        done = set()
        if self.main and self.roots[self.main.size] != self.main.root:
            replaced = {}
            for ordinal, index, event, repetition in self.odd:
                if index is not None and not repetition and index not in self.good and event.leaf == event.stated_leaf:
                    replaced.setdefault(index, event.leaf)
            if replaced and self.compute_roots(replaced)[self.main.size] == self.main.root:
                self.explained = True
                done = set(replaced)
                for index in replaced:
                    self.find("tile_altered", self.positions[index], "leaves.bin", "the leaf was altered")
        missing -= done
        for ordinal in self.unreadable:
            position = None
            if ordinal in missing:
                missing.discard(ordinal)
                position = self.positions[ordinal]
            self.find("package_malformed", position, "events.ndjson", "line %d is not of the format" % (ordinal + 1))
        rest = [line for line in self.odd if line[1] not in done]
        rest = sorted([line for line in rest if line[3]]
                      + self.judge_renumbered([line for line in rest if not line[3]], missing),
                      key=lambda line: line[0])
        originals = {event_id: index for index, event_id in self.good.items()} if rest else {}
        for ordinal, index, event, repetition in rest:
            self.judge_line(ordinal, index, event, repetition, originals, missing)
        last_good = max(self.in_order, default=-1)
        tail = len(self.positions)
        while tail - 1 > last_good and tail - 1 in missing:
            tail -= 1
        for index in sorted(missing):
            kind = "truncated" if index >= tail else "event_missing"
            self.find(kind, self.positions[index], "events.ndjson", "it is not there")
        for stands, belongs in zip(self.in_order, sorted(self.in_order)):
            if stands != belongs:
                self.find("order_changed", self.positions[stands], "events.ndjson", "it does not stand at its place")

    def judge_renumbered(self, candidates, missing):
        every = sorted(missing) if len(candidates) * len(missing) <= TRIAL_LIMIT else []
        every = [self.positions[index] for index in every]
        near = [step for distance in range(1, NEIGHBOURHOOD + 1) for step in (distance, -distance)]
        shift, matched, rest = 0, [], []
        for line in candidates:
            event = line[2]
            stated = event.position
            for truth in [stated + shift] + [stated + step for step in near] + every:
                index = self.index.get(truth)
                if truth != stated and index in missing and event.leaf_at(truth) == self.leaf(index):
                    missing.discard(index)
                    matched.append((stated, truth))
                    shift = truth - stated
                    break
            else:
                rest.append(line)
        exchanged = {stated for stated, _ in matched} == {truth for _, truth in matched}
        for stated, truth in matched:
            self.find("order_changed" if exchanged else "positions_renumbered", truth, "events.ndjson",
                      "it stands as position %d" % stated)
        return rest

    def judge_line(self, ordinal, index, event, repetition, originals, missing):
        def found(kind, detail):
            self.find(kind, event.position, "events.ndjson", detail)

        if repetition:
            return found("event_replayed", "line %d repeats it" % (ordinal + 1))
        original = originals.get(event.event_id)
        if original is not None and event.leaf_at(self.positions[original]) == self.leaf(original):
            missing.discard(index)
            return found("event_replayed", "a copy of the event at position %d" % self.positions[original])
        if index not in missing:
            return found("event_inserted", "line %d was never recorded" % (ordinal + 1))
        missing.discard(index)
        if not event.has_stated_body:
            return found("body_changed", "the body is not the recorded one")
        if not event.has_stated_seals:
            return found("sealed_value_mismatch", "the digest of sealed members is not the recorded one")
        if event.leaf != event.stated_leaf:
            return found("header_changed", "time, type, id, stream or version was altered")
        return found("event_changed", "header or body is not the recorded one")

    # Roots

    def check_roots(self):
        if not self.main:
            return
        main, given, roots = self.main, self.given, self.roots
        right = roots[main.size] == main.root
        known = dict(self.further)
        known[main.size] = main
        if given and given.size < main.size and given.size in roots:
            known.setdefault(given.size, given)
        wrong = min((size for size in known if roots.get(size) != known[size].root), default=None)

        def span(size):
            below = max((other for other in known if other < size and roots.get(other) == known[other].root), default=0)
            first = min(below, max(size - 1, 0))
            return first, max(size - 1, first)

        def split(size, file):
            self.find("split_view", span(size), file, "two signed checkpoints contradict each other")

        if not right and not self.explained:
            self.find("root_mismatch", span(wrong), None, "the hashes do not lead to the signed root")
        if right:
            for size, other in self.further.items():
                if size in roots and roots[size] != other.root:
                    split(size, "checkpoints/%d" % size)
        if not given:
            return
        if given.size == main.size:
            if given.root != main.root:
                split(given.size, GIVEN)
        elif given.size > main.size:
            self.find("truncated", (main.size, given.size - 1), GIVEN, "the log had %d events" % given.size)
        elif given.size not in roots:
            self.find("consistency_unproven", None, GIVEN, "the package has no hashes for size %d" % given.size)
        elif (right or self.explained) and roots[given.size] != given.root:
            split(given.size, GIVEN)

    # Sealed values and evidence

    def is_reported_already(self, position):
        return position in self.index and self.index[position] not in self.good

    def check_sealed(self):
        waiting = dict(self.bound)
        self.sealed_states = []

        def found(position, detail):
            if not self.is_reported_already(position):
                self.find("sealed_value_mismatch", position, "sealed.ndjson", detail)

        for ordinal, line in enumerate(lines(self.path("sealed.ndjson"))):
            match = SEALED.fullmatch(line) if line is not None else None
            try:
                if not match:
                    raise ValueError("no sealed value")
                key = (number(match[1]), number(match[2]))
            except ValueError:
                self.find("package_malformed", None, "sealed.ndjson", "line %d is not of the format" % (ordinal + 1))
                continue
            self.sealed_states.append((match[3] or b"open").decode())
            digest = waiting.pop(key, None)
            if digest is None:
                found(key[0], "no event binds this value")
            elif not match[3] and sha256(bytes.fromhex(match[4].decode()) + match[5]) != digest:
                found(key[0], "value and salt do not have the recorded digest")
        for position, n in waiting:
            if self.index.get(position) in self.good:
                found(position, "member %d is not there" % n)

    def check_evidence(self):
        for ordinal in self.evidence_unreadable:
            self.find("package_malformed", None, "evidence.ndjson", "line %d is not of the format" % (ordinal + 1))
        included = {"evidence/" + digest[7:] for _, digest, _, state in self.evidence if state == b"included"}
        for name in self.manifest.files:
            if name.startswith("evidence/") and name not in included:
                self.find("package_malformed", None, name, "no line of evidence.ndjson includes it")
        for position, digest, size, state in self.evidence:
            if digest in self.unnamed or position not in self.index:
                self.find("evidence_mismatch", position, "evidence.ndjson", "no event names the digest")
            if state != b"included":
                continue
            name = "evidence/" + digest[7:]
            if not self.exists(name):
                self.find("evidence_mismatch", position, name, "it is not there")
            elif self.file_digest(name) != (size, digest[7:]):
                self.find("evidence_mismatch", position, name, "the bytes are not those received")

    # Files

    def file_digest(self, name):
        digest, size = hashlib.sha256(), 0
        with open(self.path(name), "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
        return size, digest.hexdigest()

    def check_digests(self):
        right = True
        for name, expected in self.manifest.files.items():
            if self.exists(name) and self.file_digest(name) != expected:
                right = False
                if not self.has_finding(name):
                    self.find("file_altered", None, name, "it is not the file of the manifest")
        return right

    def check_counts(self):
        if self.findings:
            return
        evidence = ["open" if state == b"included" else state.decode() for _, _, _, state in self.evidence]
        counts = [{name: states.count(name) for name in ("open", "erased", "withheld")}
                  for states in (self.sealed_states, evidence)]
        if self.manifest.counts != [self.events] + counts:
            self.find("package_malformed", None, "manifest.json", "its counts are not those of the files")

    def summary(self):
        """Findings in order, neighbours told as one."""
        def key(finding):
            return (-1 if finding["first"] is None else finding["first"], finding["class"], finding["file"] or "")

        result, open_ones = [], {}
        for finding in sorted(self.findings, key=key):
            place = (finding["class"], finding["file"])
            before = open_ones.get(place)
            if before and finding["first"] is not None and finding["first"] <= before["last"] + 1:
                before["last"] = max(before["last"], finding["last"])
                continue
            finding = dict(finding)
            if finding["first"] is not None:
                open_ones[place] = finding
            result.append(finding)
        return result


def read_key(argument):
    if os.path.exists(argument):
        with open(argument, encoding="utf-8") as file:
            argument = file.read()
    return Key(argument.strip())


def main():
    parser = argparse.ArgumentParser(description="Verifies an evidence package of Docket, offline.")
    parser.add_argument("--key", help="the log's verifier key, or a file that holds it")
    parser.add_argument("--checkpoint", help="a file with a checkpoint of this log that you had before")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("package")
    arguments = parser.parse_args()
    try:
        given = None
        if arguments.checkpoint:
            with open(arguments.checkpoint, "rb") as file:
                given = file.read()
            Note(given)
        verifier = Verifier(arguments.package, read_key(arguments.key) if arguments.key else None, given)
        verifier.run()
    except (Unreadable, OSError, Malformed) as error:
        print("cannot be read: %s" % error, file=sys.stderr)
        return 1
    findings = verifier.summary()
    manifest = verifier.manifest
    if arguments.json:
        trusted = manifest is not None and verifier.main is not None and verifier.main_is_trusted
        print(json.dumps({
            "ok": not findings, "as_exported": verifier.as_exported, "key_was_given": verifier.key is not None,
            "events": verifier.events, "origin": verifier.main.origin if trusted else None,
            "tree_size": verifier.main.size if trusted else None,
            "root": base64.b64encode(verifier.main.root).decode() if trusted else None,
            "keys": [key.text for key in verifier.keys], "findings": findings,
        }, indent=2))
        return 2 if findings else 0
    for finding in findings:
        where = "" if finding["first"] is None else " %d" % finding["first"]
        if finding["last"] != finding["first"]:
            where += "-%d" % finding["last"]
        print("%s%s: %s (%s)" % (finding["class"], where, finding["detail"], finding["file"] or "tree"))
    if findings:
        print("%d findings. %s" % (len(findings), "The package is as it was exported: the log was altered before."
                                   if verifier.as_exported else "The package is not as it was exported."))
        return 2
    print("Nothing found. %d events, proven in the tree of %d of %s." % (
        verifier.events, verifier.main.size, verifier.main.origin))
    for key in verifier.keys:
        print("  %s %s" % (key.name, key.fingerprint))
    if not verifier.key:
        print("No key was given: compare the fingerprints above with what you have from elsewhere.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
