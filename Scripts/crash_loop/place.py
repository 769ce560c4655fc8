"""An installation to be killed: the docket program on its private cluster, and a second server behind the proxy."""

import http.client
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

from .proxy import Proxy

PEOPLE = {"siem": "ingest", "alice": "analyst", "admin": "admin", "aude": "auditor"}


class Server:
    """One `docket serve`, as a process of its own."""

    def __init__(self, place, name, options):
        self.place, self.name, self.options = place, name, options
        self.process, self.base = None, None

    def start(self, within=60):
        out = open(os.path.join(self.place.folder, f"{self.name}.out"), "wb")
        err = open(os.path.join(self.place.folder, f"{self.name}.err"), "ab")
        self.process = subprocess.Popen(
            [self.place.program, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.place.data, *self.options],
            stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        out.close()
        err.close()
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            with open(os.path.join(self.place.folder, f"{self.name}.out")) as lines:
                for line in lines:
                    if line.endswith("\n") and json.loads(line).get("ready"):
                        self.base = urllib.parse.urlsplit(json.loads(line)["base_url"]).netloc
                        return self
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: see {self.name}.err")
            time.sleep(0.01)
        raise RuntimeError(f"{self.name} is not ready after {within} s")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def ask(self, method, path, token=None, body=None, timeout=15):
        """One request. `None` when there is no whole answer: nothing is known then."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.base, timeout=timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Answer:
    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content

    @property
    def json(self):
        return json.loads(self.content)


class Place:
    """A folder, a private cluster in it, two servers, one tenant after the other."""

    def __init__(self, program):
        self.program = os.path.abspath(program)
        # Not below root's home: PostgreSQL's own user must be able to enter it.
        self.folder = tempfile.mkdtemp(prefix="docket-crash-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.tenants = []
        self.first = Server(self, "first", []).start(within=120)
        owner = os.stat(os.path.join(self.data, "postgres")).st_uid
        self.user = pwd.getpwuid(owner).pw_name
        self.socket = os.path.join(self.data, "socket")
        self.proxy = Proxy(os.path.join(self.folder, "proxy"), os.path.join(self.socket, ".s.PGSQL.5432"))
        url = f"host={self.proxy.folder} port=5432 user={self.user} dbname=docket"
        self.second = Server(self, "second", ["--database-url", url]).start()
        self.psql = self.find("psql")

    @staticmethod
    def find(name):
        found = shutil.which(name)
        candidates = [found] if found else []
        root = "/usr/lib/postgresql"
        versions = sorted(os.listdir(root), reverse=True) if os.path.isdir(root) else []
        candidates += [os.path.join(root, version, "bin", name) for version in versions]
        for candidate in candidates:
            if os.access(candidate, os.X_OK):
                return candidate
        raise RuntimeError(f"{name} is not found")

    def docket(self, *arguments):
        return subprocess.run(
            [self.program, *arguments, "--data-dir", self.data], capture_output=True, text=True, timeout=600)

    def sql(self, text):
        """Rows of text, or the message of the error."""
        done = subprocess.run(
            [self.psql, "-h", self.socket, "-U", self.user, "-d", "docket", "-XAtq", "-v", "ON_ERROR_STOP=1",
             "-F", "\t", "-c", text], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return [line.split("\t") for line in done.stdout.splitlines()]

    def new_tenant(self):
        name = f"crash-{len(self.tenants) + 1}"
        made = self.docket("tenant", "create", name, "--format", "json")
        if made.returncode != 0:
            raise RuntimeError(f"no tenant: {made.stderr}")
        tokens = {}
        for subject, role in PEOPLE.items():
            token = self.docket("token", "create", "--tenant", name, "--subject", subject, "--role", role)
            tokens[subject] = token.stdout.splitlines()[0]
        tenant = {"name": name, "id": json.loads(made.stdout)["tenant_id"], "tokens": tokens}
        self.tenants.append(tenant)
        return tenant

    # What is killed

    def postmaster(self):
        with open(os.path.join(self.data, "postgres", "postmaster.pid")) as file:
            return int(file.readline())

    def backends(self, of_clients=True):
        """PostgreSQL's processes that serve a client: children of the postmaster which say so; or all of its children."""
        postmaster, found = self.postmaster(), []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{name}/cmdline") as file:
                    title = file.read()
            except (OSError, IndexError, ValueError):
                continue
            if parent == postmaster and (not of_clients or " docket " in title):
                found.append(int(name))
        return found

    def close(self, keeps):
        self.second.stop()
        self.proxy.close()
        self.first.stop()
        if not keeps:
            shutil.rmtree(self.folder, ignore_errors=True)
