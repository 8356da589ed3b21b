from __future__ import annotations

import io

import pytest
from rich.console import Console

from mailferry.cli.migrate_display import draw
from mailferry.migration.model import Batch, Progress, User
from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.service.views import BatchView

BATCH = Batch(1, "guid", "batch", BatchStatus.SYNCING, 1, 2)
LONG = "a.very.long.name.of.a.person.who.has.much.mail@a.long.domain.contoso.com"


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("address", ["terry@contoso.com", LONG])
def test_names_give_way_and_numbers_do_not(columns: int, address: str) -> None:
    progress = Progress(found=123_456, synced=98_765, folder="Clients/A folder of some length/Another one in it")
    rate = 60.0 * 2 * 1024 * 1024
    user = User(1, "g", 1, "batch", 1, address, "terry", UserStatus.SYNCING, progress=progress, bytes_per_minute=rate)
    console = Console(file=io.StringIO(), width=columns)
    with console.capture() as shown:
        console.print(draw(BatchView(BATCH, total=1, active=1), [user], 12.0, 10))
    lines = shown.get().splitlines()
    row = next(line for line in lines if line.startswith(address[:10]))
    assert len(row) <= columns
    assert row.rstrip().endswith("98,765 of 123,456  2.0 MB/s")
    assert " % " in row
    assert sum("Clients" in line for line in lines) == 1, "each mailbox has one line"
