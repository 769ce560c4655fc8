#!/usr/bin/env python3
"""Kills Docket over and over, and looks after each recovery whether anything that was acknowledged is lost or double.

Two real servers, the second one behind a proxy, write into one private PostgreSQL with full durability. Writers send
alerts and comments and note in a file outside, synced to the disk, what was answered. At a random moment something dies:

server      kill -9 of one of the servers, which is started again
postgres    kill -9 of the postmaster: the server that owns the cluster starts it again
backend     kill -9 of one or more of PostgreSQL's processes: all of them recover
everything  kill -9 of both servers and of PostgreSQL, as when the power fails
connections all connections of the second server are cut, wherever they are
commit      connections of the second server are cut right before, inside and right after the COMMIT of appends

Then: what was acknowledged is there, once; positions and versions are dense; the signed tree goes on from the last
checkpoint that was seen; projections are what the log gives when it is folded again; the database is sound.

Exit status: 0 nothing found, 1 a violation (each is printed, and the folder is kept), 2 the loop itself failed.
Needs only Python's own library, psql, and a built docket.
"""

import argparse
import collections
import json
import os
import random
import signal
import sys
import time
import traceback

from crash_loop import checks, plants
from crash_loop.place import Place
from crash_loop.proxy import MOMENTS
from crash_loop.writers import Record, Writers

KINDS = ("server", "postgres", "backend", "connections", "commit", "everything")
CYCLES_A_TENANT = 10


class Loop:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.place = Place(options.docket)
        self.record = Record(os.path.join(self.place.folder, "acknowledged.ndjson"))
        if options.careless:
            self.place.sql("ALTER SYSTEM SET synchronous_commit = off")
            self.place.sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
            self.place.sql("SELECT pg_reload_conf()")
        self.kinds = collections.Counter()
        self.violations = []
        self.unanswered = 0
        self.tenant, self.case_id, self.seen, self.since = None, None, None, (0, 0)

    # One cycle

    def cycle(self, number):
        if number % CYCLES_A_TENANT == 0:
            self.open_tenant()
        kind = KINDS[number] if number < len(KINDS) else self.random.choice(KINDS)
        self.kinds[kind] += 1
        self.since = self.record.counts()
        writers = Writers(self.place, self.tenant, self.record, self.random, self.case_id)
        time.sleep(self.random.uniform(0.1, 0.9))
        self.seen = checks.checkpoint(self.place.first, self.tenant) or self.seen
        getattr(self, kind)()
        # They go on for a moment after the recovery: what was broken would show.
        time.sleep(0.3)
        writers.stop()
        self.unanswered += writers.unanswered
        self.wait()
        if self.options.plant:
            plants.claims(self.place, self.tenant, self.record, self)
        found = [*writers.wrong, *self.check(number)]
        if self.options.plant:
            plants.damage(self.place, self.tenant)
            found += checks.structure(self.place, self.tenant) + checks.soundness(self.place, self.tenant)
        self.violations += found
        alerts, comments = self.record.counts()
        new = alerts + comments - sum(self.since)
        print(f"{number + 1:4} {kind:11} {new:5} acknowledged  {'ok' if not found else 'VIOLATED'}", flush=True)
        for violation in found:
            print(f"     {violation}", flush=True)

    def open_tenant(self):
        self.tenant, self.seen = self.place.new_tenant(), None
        alert = Writers.body(0)
        answer = self.retry(lambda: self.place.first.ask("POST", "/v1/alerts", self.tenant["tokens"]["siem"], alert), 201)
        self.record.add("alert", self.tenant["name"], alert["source_ref"], answer.json["alert_id"])
        token = self.tenant["tokens"]["alice"]
        self.case_id = self.retry(
            lambda: self.place.first.ask("GET", "/v1/cases", token), 200, lambda a: a.json["items"]).json["items"][0]["id"]

    def retry(self, ask, status, fits=lambda answer: True, within=60):
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            answer = ask()
            if answer is not None and answer.status == status and fits(answer):
                return answer
            time.sleep(0.05)
        raise RuntimeError(f"no answer {status} within {within} s; the last one: {answer and answer.content[:500]!r}")

    def wait(self):
        """Both servers answer again, and the database lets them write."""
        for server in (self.place.first, self.place.second):
            self.retry(lambda: server.ask("GET", "/readyz"), 200)

    # What happens

    def server(self):
        server = self.random.choice((self.place.first, self.place.second))
        server.kill()
        server.start()

    def postgres(self):
        os.kill(self.place.postmaster(), signal.SIGKILL)

    def backend(self):
        backends = self.place.backends()
        for process in self.random.sample(backends, min(len(backends), self.random.choice((1, 1, 3)))):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass  # It was faster.

    def everything(self):
        # All at once, or some live on as orphans, which may wait for ever for what a killed one held.
        processes = [self.place.postmaster(), *self.place.backends(self.random.choice((True, False)))]
        for process in [self.place.first.process.pid, self.place.second.process.pid, *processes]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.place.first.process.wait()
        self.place.second.process.wait()
        self.place.first.start()
        self.place.second.start()

    def connections(self):
        for _ in range(self.random.choice((1, 2, 5))):
            self.place.proxy.cut_all()
            time.sleep(self.random.uniform(0, 0.2))

    def commit(self):
        self.place.proxy.arm([self.random.choice(MOMENTS) for _ in range(6)])
        deadline = time.monotonic() + 5
        while self.place.proxy.armed and time.monotonic() < deadline:
            time.sleep(0.02)
        self.place.proxy.disarm()

    # What must hold

    def check(self, number):
        found = checks.structure(self.place, self.tenant)
        found += checks.acknowledged(self.place, self.tenant, self.record, self.since)
        found += checks.history(self.place, self.tenant, self.seen)
        found += checks.projections(self.place, self.tenant)
        is_last = (number + 1) % CYCLES_A_TENANT == 0 or number + 1 == self.options.cycles
        return found + (checks.soundness(self.place, self.tenant) if is_last and not self.options.plant else [])

    def finish(self):
        """Everything once more, over all tenants."""
        self.wait()
        found = checks.soundness(self.place)
        for tenant in self.place.tenants:
            found += checks.structure(self.place, tenant)
            found += checks.acknowledged(self.place, tenant, self.record, (0, 0))
        return found

    def run(self):
        started = time.monotonic()
        for number in range(self.options.cycles):
            self.cycle(number)
        if not self.options.plant:
            self.violations += self.finish()
        alerts, comments = self.record.counts()
        print(json.dumps({
            "cycles": self.options.cycles, "seed": self.options.seed, "by_kind": dict(self.kinds),
            "cut_at_commit": self.place.proxy.cuts, "acknowledged": {"alerts": alerts, "comments": comments},
            "unanswered": self.unanswered, "violations": len(self.violations), "first": self.violations[:20],
            "seconds": round(time.monotonic() - started, 1),
        }), flush=True)
        return 1 if self.violations else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docket", default=".build/debug/docket", help="the built program")
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument(
        "--careless", action="store_true",
        help="let PostgreSQL answer before it has written: sooner or later something must be lost, and be found")
    parser.add_argument("--plant", action="store_true", help="plant violations in the first cycle: each must be found")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    loop = Loop(options)
    status = 2
    try:
        status = loop.run()
    except Exception:  # Whatever it was, nothing was shown.
        traceback.print_exc()
    finally:
        keeps = status != 0 and not options.plant
        loop.place.close(keeps)
        if keeps:
            print(f"kept: {loop.place.folder}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
