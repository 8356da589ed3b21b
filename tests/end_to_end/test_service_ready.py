"""`/readyz` of a service on PostgreSQL: ready after the start, not without the database, and ready again with it."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.end_to_end.serving import Serving, until
from tests.servers.postgres import Postgres


def readiness(serving: Serving) -> tuple[bool, bool]:
    """Give whether it is ready, and whether the database answers."""
    url = str(serving.client.base_url).replace("/api/v1/", "/readyz")
    with httpx.Client(trust_env=False, timeout=30.0) as client:
        answer = client.get(url)
    fields = answer.json()
    assert (answer.status_code == 200) == fields["ready"]
    return fields["ready"], fields["database"]


def test_readiness_follows_the_database(tmp_path: Path) -> None:
    with Postgres() as server:
        database = server.url(server.create_database())
        with Serving(tmp_path, "--workers", "1", MAILFERRY_DATABASE=database) as serving:
            assert readiness(serving) == (True, True)
            serving.stop()
            serving.start()
            assert readiness(serving) == (True, True)
            server.stop()
            until(lambda: readiness(serving) == (False, False), serving.told)
            server.start()
            until(lambda: readiness(serving) == (True, True), serving.told)
            assert "secret" not in serving.log.read_text(), "the password of the database"
