"""A real Dovecot serves what we wrote, and we read what it wrote."""

from __future__ import annotations

from pathlib import Path

from mailferry.backends.base import INBOX, FetchJob, FlagChange, Flags, FolderPath, Mail, Mode, SpecialUse, Want
from mailferry.backends.maildir import open_reader, open_target
from mailferry.backends.maildir_bytes import to_crlf
from tests.conformance.mails import untidy
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, connect, fill, snapshot

DATE = 1_500_000_000
PROJECTS = FolderPath(("Projekte ü&ö", "2024"))
KEYWORDS: Flags = frozenset({"$Forwarded", "Project-X", "\\Seen", "\\Flagged"})
SYSTEM: Flags = frozenset({"\\Answered", "\\Draft", "\\Deleted"})


async def test_dovecot_serves_what_we_wrote(dovecot: Dovecot, fresh_user: str) -> None:
    account = dovecot.user(fresh_user)
    mails = [*untidy().values(), b"Subject: large\r\n\r\n" + b"a line\r\n" * 50_000]
    target = await open_target(account.home / "Maildir")
    folders: list[tuple[FolderPath, SpecialUse | None]] = [(PROJECTS, None), (FolderPath(("INBOX", "Old")), None)]
    assert not [made for made in await target.create_folders(folders) if made.error]
    await target.subscribe([PROJECTS])
    lane = await target.open_lane()
    chunk = lane.chunk(PROJECTS, Mode.SINGLE, "key")
    flags = [(KEYWORDS, SYSTEM, frozenset[str]())[number % 3] for number in range(len(mails))]
    for number, data in enumerate(mails):
        mail = Mail(number + 1, flags[number], DATE, 0, len(data), data[:65_536])
        chunk.add(mail, flags[number], DATE + number // 2, 0)
        if len(data) > 65_536:
            chunk.piece(data[65_536:])
    uids = [outcome and outcome.uid for outcome in await chunk.release()]
    await target.close()

    taken = snapshot(dovecot, fresh_user)
    with connect(dovecot, fresh_user) as client:
        subscribed = client.command(b'LSUB "" "*"').untagged
    assert set(taken) >= {("INBOX",), PROJECTS.parts, ("INBOX", "Old")}
    assert any(b"Projekte &APw-&-&APY-/2024" in line for line in subscribed)
    stored = taken[PROJECTS.parts]
    # As our own reader sees foreign files: a bare LF gets its CR; and NUL, which IMAP cannot carry, becomes 0x80.
    assert [message.data for message in stored] == [to_crlf(data).replace(b"\0", b"\x80") for data in mails]
    assert [message.flags for message in stored] == flags
    assert [message.date for message in stored] == [DATE + number // 2 for number in range(len(mails))]
    assert "Error" not in "".join(line for line in dovecot.log_text().splitlines() if f"({fresh_user})" in line)
    assert uids == list(range(1, len(mails) + 1))

    # What the user does by IMAP afterwards is seen; what we know each message by stays.
    with connect(dovecot, fresh_user) as client:
        client.command(b'SELECT "Projekte &APw-&-&APY-/2024"')
        client.command(b"UID STORE 1 -FLAGS ($Forwarded \\Flagged)")
        client.command(b"UID STORE 3 +FLAGS (NewWord)")
        client.command(b"UID STORE 2 +FLAGS (\\Deleted)")
        client.command(b"UID EXPUNGE 2")
    again = await open_target(account.home / "Maildir")
    listing = await again.listing(PROJECTS, Want.FLAGS)
    assert list(listing.uids) == [1, *range(3, len(mails) + 1)]
    assert listing.flags[:2] == [{"\\Seen", "Project-X"}, {"NewWord"}]
    await again.change_flags(PROJECTS, [FlagChange([3], frozenset({"Another"}), frozenset({"NewWord"}))])
    await again.close()
    assert snapshot(dovecot, fresh_user)[PROJECTS.parts][1].flags == {"Another"}


async def test_we_read_what_dovecot_wrote(dovecot: Dovecot, fresh_user: str, tmp_path: Path) -> None:
    account = dovecot.user(fresh_user)
    date = "14-Jul-2017 02:40:00 +0000"
    messages = [Message(b"Subject: %d\r\n\r\nline\r\n" % number, ("\\Seen", "Word"), date) for number in range(1, 6)]
    fill(dovecot, fresh_user, {"INBOX": messages})
    with connect(dovecot, fresh_user) as client:
        client.command(b"SELECT INBOX")
        client.command(b"UID STORE 2 +FLAGS (\\Deleted)")
        client.command(b"UID EXPUNGE 2")
        answer = b" ".join(client.command(b"STATUS INBOX (UIDVALIDITY UIDNEXT)").untagged)
    reader = await open_reader(account.home / "Maildir", state_directory=tmp_path)
    jobs = [FetchJob(INBOX, ((1, 2**32 - 1),))]
    found = [item async for batch in reader.stream(lambda: jobs.pop() if jobs else None) for item in batch]
    mails = [item for item in found if isinstance(item, Mail)]
    assert [mail.uid for mail in mails] == [1, 3, 4, 5]
    assert [mail.data for mail in mails] == [messages[mail.uid - 1].data for mail in mails]
    assert {(mail.flags, mail.date) for mail in mails} == {(frozenset({"\\Seen", "Word"}), DATE)}
    [status] = await reader.status([INBOX])
    assert status is not None
    assert b"UIDVALIDITY %d" % status.uid_validity in answer
    assert b"UIDNEXT %d" % status.uid_next in answer
    await reader.close()
