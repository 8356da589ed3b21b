"""Pytest plugin: the private servers as fixtures, one of each kind per session.

Load it by `pytest_plugins = ["tests.servers.plugin"]` in the top conftest.py. A test whose server cannot run on
this machine is skipped; the summary at the end says which servers those were, and why.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from tests.servers.base import PrivateServer
from tests.servers.courier import Courier, CourierOptions
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import DovecotOptions
from tests.servers.errors import ServerFailed, ServerUnavailable
from tests.servers.postgres import Postgres

MARKERS = ("dovecot", "courier", "cyrus", "postgres")
_UNAVAILABLE = pytest.StashKey[dict[str, str]]()
_FIXTURES = {f"{kind}{ending}": kind for kind in MARKERS for ending in ("", "_mdbox", "_factory", "_database")}


class Pool:
    """The servers of one session: started when first asked for, ended with the session."""

    def __init__(self, unavailable: dict[str, str]) -> None:
        self._running: dict[tuple[str, object], PrivateServer] = {}
        self._failed: dict[tuple[str, object], ServerFailed] = {}
        self._unavailable = unavailable

    def get(self, kind: str, options: object, make: Callable[[], PrivateServer]) -> PrivateServer:
        """The server of this kind with these options, started (again) if it does not run.

        Skips the test if there can be none here. Raises ServerFailed, at once if it did so before.
        """
        if reason := self._unavailable.get(kind):
            pytest.skip(f"{kind} is not available: {reason}")
        key = (kind, options)
        if key in self._failed:
            raise self._failed[key]
        try:
            if key not in self._running:
                self._running[key] = make()
            server = self._running[key]
            return server if server.pid is not None else server.start()
        except ServerUnavailable as error:
            self._unavailable[kind] = str(error)
            self._drop(key)
            pytest.skip(f"{kind} is not available: {error}")
        except ServerFailed as error:
            self._failed[key] = error
            self._drop(key)
            raise

    def _drop(self, key: tuple[str, object]) -> None:
        if server := self._running.pop(key, None):
            server.remove()

    def close(self) -> None:
        """End all of them."""
        for server in self._running.values():
            server.remove()
        self._running.clear()


class DovecotFactory(Protocol):
    """`dovecot_factory(store="mdbox", without=("UIDPLUS",))`: keyword arguments are those of DovecotOptions."""

    def __call__(self, **options: Any) -> Dovecot: ...


class CourierFactory(Protocol):
    """Likewise, with CourierOptions."""

    def __call__(self, **options: Any) -> Courier: ...


class CyrusFactory(Protocol):
    """Likewise, with CyrusOptions."""

    def __call__(self, **options: Any) -> Cyrus: ...


def pytest_configure(config: pytest.Config) -> None:
    for name in MARKERS:
        config.addinivalue_line("markers", f"{name}: needs a private {name.capitalize()} server")
    config.stash[_UNAVAILABLE] = {}


@pytest.hookimpl(tryfirst=True)  # before -m chooses by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses a server's fixture carries the server's marker, without saying so twice."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if marker := _FIXTURES.get(fixture):
                item.add_marker(marker)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if unavailable := config.stash[_UNAVAILABLE]:
        terminalreporter.section("servers that are not available here")
        for kind, reason in sorted(unavailable.items()):
            terminalreporter.line(f"{kind}: {reason}")


@pytest.fixture(scope="session")
def server_pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """What the other fixtures draw from."""
    pool = Pool(request.config.stash[_UNAVAILABLE])
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def dovecot_factory(server_pool: Pool) -> DovecotFactory:
    """A Dovecot per set of options, kept for the session."""

    def get(**chosen: Any) -> Dovecot:
        options = DovecotOptions(**chosen)
        server = server_pool.get("dovecot", options, lambda: Dovecot(options))
        assert isinstance(server, Dovecot)
        return server

    return get


@pytest.fixture
def dovecot(dovecot_factory: DovecotFactory) -> Dovecot:
    """A Dovecot that keeps Maildir, plain and TLS."""
    return dovecot_factory()


@pytest.fixture
def dovecot_mdbox(dovecot_factory: DovecotFactory) -> Dovecot:
    """A Dovecot that keeps mdbox, the fastest at taking mail."""
    return dovecot_factory(store="mdbox")


@pytest.fixture(scope="session")
def courier_factory(server_pool: Pool) -> CourierFactory:
    """A Courier per set of options, kept for the session."""

    def get(**chosen: Any) -> Courier:
        options = CourierOptions(**chosen)
        server = server_pool.get("courier", options, lambda: Courier(options))
        assert isinstance(server, Courier)
        return server

    return get


@pytest.fixture
def courier(courier_factory: CourierFactory) -> Courier:
    """A Courier as Debian sets it up."""
    return courier_factory()


@pytest.fixture(scope="session")
def cyrus_factory(server_pool: Pool) -> CyrusFactory:
    """A Cyrus per set of options, kept for the session."""

    def get(**chosen: Any) -> Cyrus:
        options = CyrusOptions(**chosen)
        server = server_pool.get("cyrus", options, lambda: Cyrus(options))
        assert isinstance(server, Cyrus)
        return server

    return get


@pytest.fixture
def cyrus(cyrus_factory: CyrusFactory) -> Cyrus:
    """A Cyrus with folders beside INBOX and `/` between names."""
    return cyrus_factory()


def _running_postgres(pool: Pool) -> Postgres:
    server = pool.get("postgres", None, Postgres)
    assert isinstance(server, Postgres)
    return server


@pytest.fixture(scope="session")
def postgres(server_pool: Pool) -> Postgres:
    """A PostgreSQL for the session. A test that stops it starts it again."""
    return _running_postgres(server_pool)


@pytest.fixture
def postgres_database(server_pool: Pool) -> Iterator[str]:
    """The URL, for SQLAlchemy, of an empty database that is dropped after the test; see `Postgres.url`."""
    server = _running_postgres(server_pool)
    name = server.create_database()
    yield server.url(name)
    if server.pid is not None:
        server.drop_database(name)


@pytest.fixture(scope="session")
def _user_numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def fresh_user(_user_numbers: Iterator[int]) -> str:
    """A user name that no other test has; the test makes the user on the servers where it needs it."""
    return f"user{next(_user_numbers)}"
