"""A proxy between a server and PostgreSQL that cuts connections, at random or exactly inside COMMIT.

It speaks just enough of PostgreSQL's protocol (version 3) to see which message commits an append: the Sync behind a Bind
of a statement whose text calls docket.append, or a Query of COMMIT. There it can be told to cut

before   the message is passed on: nothing may have been recorded,
inside   once it is passed on: nobody knows what became of it,
after    once the server has answered: it is recorded, and whoever asked is not told.
"""

import os
import socket
import struct
import threading

STARTUP_CODES = {80877102, 80877103, 80877104}  # cancel, SSL, GSS: a message without a type, as the start-up one
MOMENTS = ("before", "inside", "after")


class Cut(Exception):
    """The connection is to be cut here."""


class Connection:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.appends = set()  # names of prepared statements that append
        self.commits = False  # what was sent since the last Sync commits an append
        self.swallows = False  # the server's answer is to be read, and not passed on
        self.lock = threading.Lock()

    def run(self):
        try:
            self.server.connect(self.proxy.target)
        except OSError:
            return self.close()
        threading.Thread(target=self.back, daemon=True).start()
        try:
            self.start()
            while True:
                self.forward(*self.message(self.client))
        except (OSError, Cut, struct.error):
            self.close()

    def start(self):
        """Passes on what has no type byte: requests for encryption, then the start-up message."""
        while True:
            head = self.exactly(self.client, 8)
            length, code = struct.unpack("!ii", head)
            self.server.sendall(head + self.exactly(self.client, length - 8))
            if code not in STARTUP_CODES:
                return

    def forward(self, kind, body):
        if kind == b"P":
            name, text = body.split(b"\0", 2)[:2]
            if b"docket.append(" in text:
                self.appends.add(name)
            else:
                self.appends.discard(name)
        elif kind == b"B":
            self.commits = self.commits or body.split(b"\0", 2)[1] in self.appends
        elif kind == b"Q":
            self.commits = self.commits or body.rstrip(b"\0").strip().upper() == b"COMMIT"
        moment = None
        if (kind == b"S" and self.commits) or (kind == b"Q" and self.commits):
            self.commits = False
            moment = self.proxy.take()
        if moment == "before":
            raise Cut
        with self.lock:
            self.swallows = moment == "after"
        self.server.sendall(kind + struct.pack("!i", len(body) + 4) + body)
        if moment == "inside":
            raise Cut

    def back(self):
        """From the server to the client."""
        try:
            while True:
                kind, body = self.message(self.server)
                with self.lock:
                    swallows = self.swallows
                if not swallows:
                    self.client.sendall(kind + struct.pack("!i", len(body) + 4) + body)
                elif kind == b"Z":
                    raise Cut
        except (OSError, Cut, struct.error):
            self.close()

    def message(self, source):
        head = self.exactly(source, 5)
        return head[:1], self.exactly(source, struct.unpack("!i", head[1:])[0] - 4)

    @staticmethod
    def exactly(source, count):
        parts = bytearray()
        while len(parts) < count:
            part = source.recv(count - len(parts))
            if not part:
                raise Cut
            parts += part
        return bytes(parts)

    def close(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.proxy.forget(self)


class Proxy:
    """Listens on a unix socket in a folder, as PostgreSQL would, and leads to the socket of a real one."""

    def __init__(self, folder, target):
        self.target = target
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = os.path.join(folder, ".s.PGSQL.5432")
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(128)
        self.lock = threading.Lock()
        self.connections = set()
        self.armed = []
        self.cuts = {moment: 0 for moment in MOMENTS}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(self, client)
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=connection.run, daemon=True).start()

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def arm(self, moments):
        """The next commits of appends are cut at these moments, one each."""
        with self.lock:
            self.armed = list(moments)

    def disarm(self):
        """What was armed and did not come to pass."""
        with self.lock:
            left, self.armed = self.armed, []
        return left

    def take(self):
        with self.lock:
            if not self.armed:
                return None
            moment = self.armed.pop(0)
            self.cuts[moment] += 1
            return moment

    def cut_all(self):
        """Cuts every connection, wherever it is; gives how many there were."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.close()
        return len(connections)

    def close(self):
        self.listener.close()
        self.cut_all()
