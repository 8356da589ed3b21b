"""Mail never runs as commands, whatever the server thinks of an append's arguments.

After a BAD the server reads the bodies that are already on the wire as commands. The control experiment shows that
it does, so that these tests cannot pass by chance.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.backends.base import Flags
from mailferry.backends.imap_lane import Proof
from mailferry.imap import commands
from tests.conformance import mails
from tests.faults.proxy import Proxy
from tests.faults.support import QUICK, Copy, crlf, messages, settings
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import fill, snapshot
from tests.servers.plugin import DovecotFactory

COMMANDS = b"".join(b"a%d CREATE pwned%d\r\n" % (n, n) for n in range(3))
EVIL = [mails.message(number, body=COMMANDS) for number in range(6)] + [COMMANDS, b"\r\n" + COMMANDS]
MODES = {"multi": (), "single": ("MULTIAPPEND",), "sync": ("MULTIAPPEND", "LITERAL+")}
FOLDERS = ("INBOX", "A", "B", "C")
DRAFT_FIRST = (("\\Draft",), *[()] * (len(EVIL) - 1))


class Believer(set[object]):
    """Holds everything."""

    def __contains__(self, item: object) -> bool:
        return True


def all_proven() -> Proof:
    """The synchronising proof switched off."""
    return Proof(folders=Believer(), flags=set(), form=True)  # type: ignore[arg-type]  # it claims to hold all


@pytest.fixture
def refused_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts carry a system flag that Dovecot answers with BAD."""
    spell = commands.flag_list

    def spell_wrongly(flags: Flags) -> bytes:
        return spell(flags).replace(b"\\Draft", b"\\Unheard")

    monkeypatch.setattr(commands, "flag_list", spell_wrongly)


def rig(source: Dovecot, target: Dovecot, user: str, state: Path) -> Copy:
    """A source full of commands."""
    source.user(user)
    target.user(user)
    fill(source, user, {folder: messages(EVIL, DRAFT_FIRST) for folder in FOLDERS})
    copy = Copy(settings(source.port, user), settings(target.port, user), state / "l.db")
    copy.options = replace(QUICK, retries=2)
    return copy


def pwned(server: Dovecot, user: str) -> list[str]:
    """Folders that mail has made."""
    return [folder[0] for folder in snapshot(server, user) if folder[0].startswith("pwned")]


@pytest.mark.parametrize("mode", MODES)
async def test_a_refused_argument_lets_nothing_run(
    dovecot: Dovecot,
    dovecot_factory: DovecotFactory,
    fresh_user: str,
    tmp_path: Path,
    mode: str,
    refused_flag: None,
) -> None:
    target = dovecot_factory(store="mdbox", without=MODES[mode])
    copy = rig(dovecot, target, fresh_user, tmp_path)
    result = await copy.run()
    assert pwned(target, fresh_user) == []
    assert [len(there) for there in snapshot(target, fresh_user).values()] == [len(EVIL) - 1] * len(FOLDERS)
    assert [row.uid for row in result.exceptions if row.kind == "skipped"] == [1] * len(FOLDERS)


@pytest.mark.parametrize("mode", ["multi", "single"])
async def test_control_without_the_proof_mail_runs(
    dovecot: Dovecot,
    dovecot_factory: DovecotFactory,
    fresh_user: str,
    tmp_path: Path,
    mode: str,
    refused_flag: None,
) -> None:
    target = dovecot_factory(store="mdbox", without=MODES[mode])
    copy = rig(dovecot, target, fresh_user, tmp_path)
    copy.proof = all_proven
    await copy.run()
    assert pwned(target, fresh_user) != []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", ["NO [CANNOT] not this one", "NO no", "BAD nonsense"])
@pytest.mark.parametrize("number", [1, 3])
async def test_a_refusal_in_place_of_the_go_ahead(
    dovecot: Dovecot,
    dovecot_factory: DovecotFactory,
    fresh_user: str,
    tmp_path: Path,
    mode: str,
    answer: str,
    number: int,
) -> None:
    """One append is refused where the literal should begin; all others arrive, and nothing runs."""
    target = dovecot_factory(store="mdbox", without=MODES[mode])
    copy = rig(dovecot, target, fresh_user, tmp_path)
    async with Proxy(target.port) as proxy:
        proxy.answer(rb"^\S+ APPEND .*\{\d+\}\r\n", b"{tag} " + answer.encode() + b"\r\n", connection=number)
        copy.target = replace(copy.target, port=proxy.port)
        await copy.run()
    assert pwned(target, fresh_user) == []
    wanted = sorted(crlf(data) for data in EVIL)
    assert [sorted(m.data for m in there) == wanted for there in snapshot(target, fresh_user).values()] == [True] * 4


@pytest.mark.parametrize("answer", ["NO [TOOBIG] too large", "NO [LIMIT] too large"])
@pytest.mark.parametrize("mode", MODES)
async def test_a_large_message_is_refused_at_its_literal(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, mode: str, answer: str
) -> None:
    """Its body, full of commands, must not be sent after all; the others arrive."""
    target = dovecot_factory(store="mdbox", without=MODES[mode])
    copy = rig(dovecot, target, fresh_user, tmp_path)
    large = mails.message(1, body=COMMANDS * 200_000)
    assert len(large) > 9 << 20
    fill(dovecot, fresh_user, {"INBOX": messages([large, *mails.tidy(2)])})
    async with Proxy(target.port) as proxy:
        text = b"{tag} " + answer.encode() + b"\r\n"
        proxy.answer(rb"^\S+ APPEND .*\{%d\}\r\n" % len(large), text, times=None)
        copy.target = replace(copy.target, port=proxy.port)
        result = await copy.run()
    assert pwned(target, fresh_user) == []
    refused = mode != "multi"  # there the literal stands in the middle of a command, and the proxy lets it pass
    assert len(snapshot(target, fresh_user)[("INBOX",)]) == len(EVIL) + 3 - refused
    assert [row.size_bytes for row in result.exceptions if row.kind == "skipped"] == [len(large)] * refused
