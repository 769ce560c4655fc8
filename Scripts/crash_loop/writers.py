"""Writers, and the record of what was acknowledged, kept outside of everything that is killed."""

import json
import os
import threading
import time
import uuid
from datetime import datetime, timezone


class Record:
    """A file with one line an acknowledgement, on the disk before anything else is done."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()
        self.alerts = []  # (tenant, source_ref, alert_id)
        self.comments = []  # (tenant, case_id, position, text)

    def add(self, kind, *entry):
        with self.lock:
            self.file.write(json.dumps([kind, *entry]) + "\n")
            self.file.flush()
            os.fsync(self.file.fileno())
            (self.alerts if kind == "alert" else self.comments).append(entry)

    def counts(self):
        with self.lock:
            return len(self.alerts), len(self.comments)


class Writers:
    """Threads that send until they are told to stop; alerts again and again until answered, comments once."""

    def __init__(self, place, tenant, record, random, case_id, count=4):
        self.place, self.tenant, self.record, self.case_id = place, tenant, record, case_id
        self.ending = threading.Event()
        self.unanswered = 0
        self.wrong = []
        seeds = [random.random() for _ in range(count)]
        self.threads = [
            threading.Thread(target=self.comment if n == 0 else self.alert, args=(seed,), daemon=True)
            for n, seed in enumerate(seeds)
        ]
        for thread in self.threads:
            thread.start()

    def server(self, number):
        return (self.place.first, self.place.second)[number % 2]

    def alert(self, seed):
        number = int(seed * 1_000_000)
        while not self.ending.is_set():
            number += 1
            body = self.body(number)
            while True:
                answer = self.server(number).ask("POST", "/v1/alerts", self.tenant["tokens"]["siem"], body)
                if answer is not None and answer.status in (200, 201):
                    self.record.add("alert", self.tenant["name"], body["source_ref"], answer.json["alert_id"])
                    break
                # 503 says: again. So does no answer. Anything else is a defect.
                if answer is not None and answer.status != 503:
                    self.wrong.append(f"an alert was answered with {answer.status}: {answer.content[:300]!r}")
                    break
                if self.ending.is_set():
                    self.unanswered += 1
                    return
                time.sleep(0.02)

    @staticmethod
    def body(number):
        severity = "high" if number % 6 == 0 else "low"
        return {
            "source": "crash", "source_ref": str(uuid.uuid4()), "title": f"Alert {number}", "severity": severity,
            "occurred_at": datetime.now(timezone.utc).isoformat(),
            "entities": [{"type": "device", "value": f"host-{uuid.uuid4()}", "role": "target"}],
        }

    def comment(self, seed):
        number = int(seed * 1_000_000)
        while not self.ending.is_set():
            number += 1
            text = f"Comment {uuid.uuid4()}"
            answer = self.server(number).ask(
                "POST", f"/v1/cases/{self.case_id}/comments", self.tenant["tokens"]["alice"], {"text": text})
            if answer is not None and answer.status == 201:
                position = int(answer.headers["Docket-Position"])
                self.record.add("comment", self.tenant["name"], self.case_id, position, text)
                continue
            if answer is not None and answer.status not in (409, 503):
                self.wrong.append(f"a comment was answered with {answer.status}: {answer.content[:300]!r}")
            self.unanswered += 1
            time.sleep(0.02)

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
        if any(thread.is_alive() for thread in self.threads):
            self.wrong.append("a writer waits for an answer for more than a minute")
