"""The private PostgreSQL takes clients, keeps its data, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers.base import PASSWORD
from tests.servers.errors import ServerFailed
from tests.servers.postgres import OWNER, Postgres


@pytest.fixture(scope="module")
def own_server(postgres: Postgres) -> Iterator[Postgres]:
    """One that may be stopped; where there is none for the session, the tests are skipped."""
    assert postgres.pid is not None
    with Postgres() as server:
        yield server


async def test_the_url_opens_the_database_for_an_async_engine(postgres_database: str) -> None:
    engine = create_async_engine(postgres_database)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE place (name text)"))
        await connection.execute(text("INSERT INTO place VALUES ('Zürich')"))
        assert (await connection.execute(text("SELECT name FROM place"))).scalar() == "Zürich"
        assert (await connection.execute(text("SHOW server_version_num"))).scalar_one().startswith("15")
    await engine.dispose()


def tables(url: str) -> set[str]:
    """Give the names of the tables that are there, and make one more."""
    engine = create_engine(url)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
        names = set(found)
        connection.execute(text("CREATE TABLE mark (x int)"))
    engine.dispose()
    return names


@pytest.mark.parametrize("number", [1, 2])  # the second must not see the table that the first leaves
def test_each_test_has_an_empty_database(postgres_database: str, number: int) -> None:
    assert tables(postgres_database) == set()


def test_a_dropped_database_is_gone_even_while_somebody_uses_it(postgres: Postgres) -> None:
    name = postgres.create_database()
    engine = create_engine(postgres.url(name))
    connection = engine.connect()
    assert connection.execute(text("SELECT current_database()")).scalar() == name
    postgres.drop_database(name)
    postgres.drop_database(name)
    with pytest.raises(OperationalError):
        connection.execute(text("SELECT 1"))
    connection.invalidate()
    connection.close()
    with pytest.raises(OperationalError, match="does not exist"):
        engine.connect()
    engine.dispose()


def test_a_wrong_password_is_refused(postgres: Postgres) -> None:
    url = make_url(postgres.url("postgres")).set(password="wrong")
    engine = create_engine(url)
    with pytest.raises(OperationalError, match="password authentication failed"):
        engine.connect()
    engine.dispose()


def test_roles_can_be_made_and_have_passwords_of_their_own(postgres: Postgres, postgres_database: str) -> None:
    name = make_url(postgres_database).database
    for password in ("a 'b", "another"):
        account = postgres.user("role 1", password)
        with psycopg.connect(
            host=postgres.host, port=postgres.port, user=account.name, password=account.password, dbname=name
        ) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("role 1",)


def test_tls_is_proven_by_the_ca(postgres: Postgres) -> None:
    with psycopg.connect(
        host="localhost", port=postgres.port, user=OWNER, password=PASSWORD, dbname="postgres",
        sslmode="verify-full", sslrootcert=str(postgres.ca_file),
    ) as connection:  # fmt: skip
        assert connection.pgconn.ssl_in_use


def test_the_socket_is_in_the_servers_own_folder(postgres: Postgres) -> None:
    with psycopg.connect(
        host=str(postgres.folder), port=postgres.port, user=OWNER, password=PASSWORD, dbname="postgres"
    ) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_was_ended_comes_back_with_its_data(own_server: Postgres, how: str) -> None:
    name = own_server.create_database()
    own_server.execute("CREATE TABLE kept (x int)", database=name)
    engine = create_engine(own_server.url(name))
    client = engine.connect()  # a client does not keep it from ending
    getattr(own_server, how)()
    assert own_server.pid is None
    with pytest.raises(OperationalError):
        client.execute(text("SELECT * FROM kept"))
    client.invalidate()
    client.close()
    own_server.start()
    with engine.connect() as again:
        assert again.execute(text("SELECT count(*) FROM kept")).scalar() == 0
    engine.dispose()
    assert "ready to accept connections" in own_server.log_text()


def test_a_server_that_cannot_start_says_why(own_server: Postgres) -> None:
    broken = Postgres()
    try:
        broken.start()
        broken.stop()
        (broken.folder / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
        with pytest.raises(ServerFailed, match="no_such_setting"):
            broken.start()
    finally:
        broken.remove()
    assert not broken.folder.exists()
