"""`mailferry token`: tokens of the API, made and removed on the machine that has the data folder."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from mailferry.cli import exitcodes
from mailferry.cli.serve import DATABASE_VARIABLE, no_data_folder
from mailferry.errors import BadUsage


def tokens(arguments: argparse.Namespace) -> int:
    """Do what `mailferry token ACTION` asks for. Works beside a service that runs."""
    return asyncio.run(_tokens(arguments))


async def _tokens(arguments: argparse.Namespace) -> int:
    from mailferry.service.tokens import Role, Tokens
    from mailferry.service.wiring import DataFolder
    from mailferry.store.database import Database

    folder = DataFolder(Path(arguments.data))
    try:
        is_there = folder.key_file.exists()
    except OSError as error:
        raise BadUsage(no_data_folder(folder.path, error)) from None
    if not is_there:
        raise BadUsage(f"{folder.path} is no data folder of Mailferry; mailferry serve makes one.")
    database = await Database.open(os.environ.get(DATABASE_VARIABLE) or folder.database_url())
    try:
        held = Tokens(database, time.time)
        match arguments.action:
            case "new":
                view, token = await held.create(arguments.name, Role(arguments.role))
                print(f"The token of {view.name} ({view.role}); it is shown this once:", file=sys.stderr)
                print(token.reveal())
            case "remove":
                await held.remove(arguments.name)
                print(f"The token of {arguments.name} is worthless now.", file=sys.stderr)
            case _:
                for view in await held.all():
                    print(f"{view.name}\t{view.role}")
    finally:
        await database.close()
    return exitcodes.COMPLETE
