"""A server that does not list its INBOX, as RFC 3501, 6.3.8, wants it: nothing may be taken for empty."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mailferry import errors
from mailferry.backends.base import INBOX
from mailferry.backends.imap import ImapReader
from mailferry.backends.imap_session import ImapSettings
from mailferry.errors import Side
from mailferry.imap.values import Secret

SENT = b'* LIST () "/" Sent\r\n'
COUNTS = b"* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 9)\r\n"


@asynccontextmanager
async def reading(listed: bytes, inbox: bytes, capabilities: bytes = b"") -> AsyncIterator[ImapReader]:
    """A reader of a server that answers LIST by `listed`, and STATUS of INBOX by `inbox`, or NO if that is empty."""

    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"* PREAUTH [CAPABILITY IMAP4rev1 " + capabilities + b"] hello\r\n")
            while line := await reader.readline():
                tag, _, command = line.partition(b" ")
                answers = {b"LIST": listed, b"STATUS INBOX": inbox, b"LOGOUT": b"* BYE\r\n"}
                said = next((answer for verb, answer in answers.items() if command.startswith(verb)), b"")
                refused = command.startswith(b"STATUS") and not said
                writer.write(said + tag + (b" NO none\r\n" if refused else b" OK done\r\n"))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        opened = await ImapReader.open(ImapSettings("127.0.0.1", port, "none", "terry", Secret("x")), Side.SOURCE)
        yield opened
        await opened.close()
        await ended.wait()


@pytest.mark.parametrize("capabilities", [b"", b"LIST-EXTENDED LIST-STATUS NAMESPACE"])
async def test_an_inbox_that_is_not_listed_is_found(capabilities: bytes) -> None:
    async with reading(SENT, COUNTS, capabilities) as reader:
        folders = {str(folder.path): folder for folder in await reader.list_folders()}
    assert sorted(folders) == ["INBOX", "Sent"]
    assert folders["INBOX"].raw_name == b"INBOX"
    assert folders["INBOX"].selectable
    status = folders["INBOX"].status
    assert status is not None
    assert (status.messages, status.uid_validity) == (2, 9)


async def test_an_account_without_an_inbox_stays_without() -> None:
    async with reading(SENT, b"") as reader:
        assert INBOX not in {folder.path for folder in await reader.list_folders()}
    async with reading(b"", b"") as reader:
        assert await reader.list_folders() == []


async def test_an_inbox_and_an_empty_list_are_no_empty_mailbox() -> None:
    async with reading(b"", COUNTS) as reader:
        with pytest.raises(errors.ProtocolBroken, match="LIST shows no folders") as caught:
            await reader.list_folders()
    assert caught.value.side is Side.SOURCE
