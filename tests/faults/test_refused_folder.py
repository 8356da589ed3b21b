"""A folder that an IMAP server lists and counts, and refuses to open: it fails alone, whatever it was wanted for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.faults.proxy import Proxy
from tests.faults.support import Copy, differences, messages, settings
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import connect, fill, snapshot
from tests.servers.plugin import DovecotFactory

NAMES = ("A", "B", "C")


async def test_a_folder_that_cannot_be_opened_for_its_flags_fails_alone(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path
) -> None:
    target = dovecot_factory(store="mdbox")
    for server in (dovecot, target):
        server.user(fresh_user)
    fill(dovecot, fresh_user, {name: messages([b"Subject: %s\r\n\r\n" % name.encode()] * 3) for name in NAMES})
    copy = Copy(settings(dovecot.port, fresh_user), settings(target.port, fresh_user), tmp_path / "ledger.db")
    assert (await copy.run()).clean
    before = snapshot(target, fresh_user)
    with connect(dovecot, fresh_user) as client:
        for name in NAMES:
            client.command(b"SELECT %s" % name.encode())
            client.command(b"UID STORE 2 +FLAGS (\\Flagged)")
    async with Proxy(dovecot.port) as proxy:
        proxy.answer(rb'^\S+ EXAMINE "?B"? ', b"{tag} NO [NOPERM] Permission denied\r\n", times=None)
        result = await replace(copy, source=settings(proxy.port, fresh_user)).run()
        assert proxy.connections == 1
    assert (result.failed_folders, result.stats.retries) == ({"B": "Permission denied"}, 0)
    wanted = snapshot(dovecot, fresh_user)
    assert differences({**wanted, ("B",): before[("B",)]}, snapshot(target, fresh_user)) == []
    assert (await copy.run()).clean
    assert differences(wanted, snapshot(target, fresh_user)) == []
