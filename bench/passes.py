"""Many passes at once in one process, by the Python interface.

Run as `python -m bench.passes SOURCE_PORT TARGET_PORT FOLDER SOURCE_USER:TARGET_USER...`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mailferry.backends.registry import Location, mailbox_key, source_opener, target_opener
from mailferry.imap.values import Secret
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Options
from mailferry.sync.run import run_pass
from tests.servers.base import HOST, PASSWORD


def location(port: int, user: str) -> Location:
    """A mailbox on one of the private servers."""
    return Location("imap", HOST, port, "none", user, Secret(PASSWORD))


async def one_pass(source: Location, target: Location, state: Path) -> int:
    """Copy; give the number of messages. What was left out is printed. Raises MailferryError."""
    ledger = SqliteLedger(state)
    keys = mailbox_key(source), mailbox_key(target)
    try:
        result = await run_pass(source_opener(source), target_opener(target), ledger, keys, Options())
    finally:
        await ledger.close()
    for row in result.exceptions:
        print(f"{state.name}: {row}", file=sys.stderr)
    for folder, reason in result.failed_folders.items():
        print(f"{state.name}: {folder}: {reason}", file=sys.stderr)
    return result.stats.total("copied")


async def main(arguments: list[str]) -> None:
    """See the module."""
    source_port, target_port, folder, *pairs = arguments
    passes = []
    for pair in pairs:
        source, _, target = pair.partition(":")
        state = Path(folder) / f"{target}.sqlite"
        passes.append(one_pass(location(int(source_port), source), location(int(target_port), target), state))
    print(sum(await asyncio.gather(*passes)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
