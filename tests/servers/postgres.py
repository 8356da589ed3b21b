"""A private PostgreSQL 15 for one test or one session."""

from __future__ import annotations

import itertools
import time

import psycopg
from psycopg import sql

from tests.servers.base import HOST, PASSWORD, Account, PrivateServer
from tests.servers.namespace import DAEMON_ID

OWNER = "mailferry"
"""The role that owns all databases. Its password is `secret`, like everybody's here."""

_BIN = "/usr/lib/postgresql/15/bin"

# The namespace ends its daemon by SIGTERM, for which PostgreSQL would wait until every client has left; SIGINT ends
# them. The shared memory is in a namespace too, so that a killed server leaves none behind.
_FOREGROUND = 'trap \'kill -INT "$server"\' TERM; "$@" & server=$!; wait "$server"; wait "$server"'
_OWN_MEMORY = ("unshare", "-Ui", f"--map-user={DAEMON_ID}", f"--map-group={DAEMON_ID}")

_SETTINGS = {
    "listen_addresses": HOST,
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": 200,
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "1h",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
"""Nothing survives a power failure. `synchronous_commit` stays on, so that code can be seen to choose."""


class Postgres(PrivateServer):
    """`with Postgres() as server: server.url("postgres")`; see `PrivateServer` for the rest.

    There is no `tls_port`: plain text and TLS (`sslmode=verify-full`, proven by `ca_file`) share `port`. It listens on
    a socket in `folder` too.
    """

    kind = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._data = self.folder / "data"

    def url(self, database: str, *, driver: str = "psycopg") -> str:
        """An address of the database for SQLAlchemy, with the owner's password."""
        return f"postgresql+{driver}://{OWNER}:{PASSWORD}@{HOST}:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database with a name of its own, which is given. The server must run."""
        name = f"db{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, and end who is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        """Run one statement as the owner, outside of a transaction."""
        with self._connect(database) as connection:
            connection.execute(statement.encode())

    def user(self, name: str, password: str = PASSWORD) -> Account:
        """Make a role that may log in, or change the password of one. The server must run."""
        verb = "ALTER" if name in self.accounts else "CREATE"
        with self._connect("postgres") as connection:
            role = sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}")
            connection.execute(role.format(sql.Identifier(name), sql.Literal(password)))
        account = self.accounts[name] = Account(name, password, self._data)
        return account

    def log_text(self) -> str:
        path = self.folder / "ns" / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=OWNER,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _launch(self) -> None:
        if not self._data.exists():
            self._make_data()
        # A pid left by a killed server would be somebody else's by now.
        self._data.joinpath("postmaster.pid").unlink(missing_ok=True)
        settings = {
            **_SETTINGS,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "ssl": "on",
            "ssl_cert_file": self.certificate.certificate,
            "ssl_key_file": self.certificate.key,
        }
        options = [f"--{key}={value}" for key, value in settings.items()]
        server = [*_OWN_MEMORY, f"{_BIN}/postgres", "-D", str(self._data), *options]
        self.namespace.start(["sh", "-c", _FOREGROUND, "sh", *server])

    def _make_data(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        command = [f"{_BIN}/initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        command += [f"--username={OWNER}", f"--pwfile={password}", str(self._data)]
        self.namespace.run(command)

    def _ready(self) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not self.namespace.exited():
            try:
                with self._connect("postgres"):
                    return True
            except psycopg.OperationalError:
                time.sleep(0.02)
        return False
