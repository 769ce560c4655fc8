#!/usr/bin/env python3
"""Measures what idle tenants cost, and how soon an alert to one of them is a case.

Starts a server on a private PostgreSQL, makes tenants (each with the policy and the playbooks that ship, then idle), and
measures for some seconds: transactions a second (pg_stat_database, the two readings of it taken off), and the share of a
core that server and PostgreSQL use (/proc). Then it sends an alert to tenants that have been idle, one after the other,
and waits for each one's case by asking for it.

Exit status: 0 within the limits, 1 beyond one of them, 2 the measurement itself failed.
Needs only Python's own library, psql, and a built docket (a release build, for figures that mean something).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from crash_loop.place import Place, Server

LIMITS = {"transactions": 10.0, "server_percent": 3.0, "case_ms": 500.0}


class QuietPlace(Place):
    """One server only: what a second one would cost is not asked here."""

    def __init__(self, program):
        self.tenants = []
        self.program = os.path.abspath(program)
        import pwd
        import tempfile
        self.folder = tempfile.mkdtemp(prefix="docket-idle-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.first = Server(self, "first", []).start(within=120)
        self.user = pwd.getpwuid(os.stat(os.path.join(self.data, "postgres")).st_uid).pw_name
        self.socket = os.path.join(self.data, "socket")
        self.psql = self.find("psql")


def ticks(pid):
    """Processor time of one process, in seconds."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(parent):
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == parent:
                    found.append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def memory_mib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def transactions(place):
    return int(place.sql("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")[0][0])


def reading(place):
    postmaster = place.postmaster()
    return {
        "at": time.monotonic(), "transactions": transactions(place), "server": ticks(place.first.process.pid),
        "postgres": {pid: ticks(pid) for pid in [postmaster, *children(postmaster)]},
    }


def make_tenants(place, count):
    token = place.docket("token", "create", "--tenant", "system", "--subject", "admin", "--role", "admin")
    token = token.stdout.splitlines()[0]
    names = []
    for index in range(count):
        answer = place.first.ask("POST", "/v1/tenants", token, {"name": f"idle-{index}"}, timeout=60)
        if answer is None or answer.status != 201:
            raise RuntimeError(f"tenant {index}: {answer and answer.content[:300]!r}")
        names.append(f"idle-{index}")
    return names


def wait_until_quiet(place, within):
    """Until everything that the tenants began with is worked through and signed."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        before, start = transactions(place), time.monotonic()
        time.sleep(3)
        rate = (transactions(place) - before) / (time.monotonic() - start)
        if rate < 30:
            return
    print(f"still {rate:.0f} transactions a second", file=sys.stderr)


def alert(index):
    return {
        "source": "edr-prod", "source_ref": f"idle-{index}-{time.time_ns()}", "title": "Suspicious logon",
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "severity": "critical",
        "entities": [{"type": "device", "value": f"host-{index}", "role": "target"}],
    }


def time_to_case(place, name, index):
    tokens = {}
    for subject, role in (("siem", "ingest"), ("alice", "analyst")):
        made = place.docket("token", "create", "--tenant", name, "--subject", subject, "--role", role)
        tokens[subject] = made.stdout.splitlines()[0]
    time.sleep(2)
    start = time.monotonic()
    sent = place.first.ask("POST", "/v1/alerts", tokens["siem"], alert(index))
    if sent is None or sent.status != 201:
        raise RuntimeError(f"alert: {sent and sent.content[:300]!r}")
    while time.monotonic() < start + 30:
        seen = place.first.ask("GET", "/v1/cases", tokens["alice"])
        if seen is not None and seen.status == 200 and seen.json["items"]:
            return (time.monotonic() - start) * 1000
        time.sleep(0.005)
    raise RuntimeError("no case within 30 s")


def measure(options):
    place = QuietPlace(options.docket)
    try:
        names = make_tenants(place, options.tenants)
        # Tenants that were just made are still warm: what a server holds of idle ones is seen after a start.
        wait_until_quiet(place, 600)
        place.first.stop()
        begun = time.monotonic()
        place.first = Server(place, "first", []).start(within=120)
        ready_s = time.monotonic() - begun
        wait_until_quiet(place, 600)
        # Connections tell PostgreSQL's statistics what they did up to ten seconds later.
        time.sleep(15)
        before = reading(place)
        time.sleep(options.seconds)
        after = reading(place)
        seconds = after["at"] - before["at"]
        postgres = sum(max(0.0, now - before["postgres"].get(pid, now)) for pid, now in after["postgres"].items())
        times = [time_to_case(place, name, index) for index, name in enumerate(names[: options.alerts])]
        result = {
            "tenants": options.tenants, "seconds": round(seconds, 1), "ready_s": round(ready_s, 1),
            # A reading is one transaction of its own, and psql's connection makes none.
            "transactions": round((after["transactions"] - before["transactions"] - 1) / seconds, 1),
            "server_percent": round((after["server"] - before["server"]) / seconds * 100, 1),
            "postgres_percent": round(postgres / seconds * 100, 1),
            "server_mib": round(memory_mib(place.first.process.pid)),
            "case_ms": round(max(times), 0) if times else None,
            "case_ms_median": round(statistics.median(times), 0) if times else None,
        }
        print(json.dumps(result), flush=True)
        beyond = [name for name, limit in LIMITS.items() if result[name] is not None and result[name] > limit]
        if beyond:
            print(f"beyond the limit: {', '.join(beyond)}", file=sys.stderr)
        return 1 if beyond else 0
    finally:
        place.first.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docket", default=".build/release/docket", help="the program")
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--alerts", type=int, default=10, help="tenants that get an alert")
    options = parser.parse_args()
    try:
        return measure(options)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
