"""An administrator reads for the users, in each way that the documents name, against a real server: only that user's
mail arrives, nothing of the administrator's own, and nothing of anybody else's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailferry import errors
from tests.conformance import mails
from tests.faults.support import Copy, crlf, differences, messages, settings
from tests.servers.base import PASSWORD, PrivateServer
from tests.servers.client import quoted
from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Folder, Message, connect, fill, snapshot
from tests.servers.plugin import CourierFactory, CyrusFactory, DovecotFactory

ADMIN = "mailadmin"
SECRET = "P@ssw0rd"
TERRY: list[Message] = messages([mails.message(number) for number in range(3)])
ANN: list[Message] = messages([mails.message(number) for number in range(10, 15)])
OWN: list[Message] = messages([mails.message(number) for number in range(100, 107)])
"""The administrator's own mail, which must never be copied."""


@dataclass(frozen=True, slots=True)
class People:
    """The documents' users, with names that no other test has."""

    number: str

    @property
    def terry(self) -> str:
        return f"terry.{self.number}"

    @property
    def ann(self) -> str:
        return f"ann.{self.number}"


@pytest.fixture
def people(fresh_user: str) -> People:
    return People(fresh_user)


def reading(
    source: PrivateServer,
    target: Dovecot,
    user: str,
    state: Path,
    *,
    login: str = ADMIN,
    password: str = PASSWORD,
    root: str = "",
) -> Copy:
    """A copy into the user's empty mailbox by the given login."""
    target.user(user)
    there = settings(source.port, login, password, user_root=root)
    return Copy(there, settings(target.port, user), state / f"{user}.db")


async def arrives(copy: Copy, source: PrivateServer, target: Dovecot, user: str) -> None:
    """One pass brings the mailbox, a second one nothing, a third one what came since."""
    await copy.run()
    assert differences(snapshot(source, user), snapshot(target, user)) == []
    assert (await copy.run()).stats.total("copied") == 0
    fill(source, user, {"INBOX": messages([mails.message(500)])})
    assert (await copy.run()).stats.total("copied") == 1
    assert differences(snapshot(source, user), snapshot(target, user)) == []


async def is_refused(copy: Copy, target: Dovecot, user: str, word: str) -> None:
    """The pass ends before a folder is made, with advice and the reason."""
    with pytest.raises(errors.RootNotFound, match=word) as caught:
        await copy.run()
    assert caught.value.side is errors.Side.SOURCE
    assert caught.value.retry is errors.Retry.AFTER_REPAIR
    assert copy.source.user_root in caught.value.detail
    assert not any(snapshot(target, user).values())


# names that hold the user and the administrator


def with_own_mail(server: Dovecot, people: People) -> Dovecot:
    """Mail of two users and of the administrator, whose password is the documents'."""
    folders: Mapping[Folder, list[Message]] = {"INBOX": TERRY, "Sent": TERRY[:1]}
    for user, mail in ((people.terry, folders), (people.ann, {"INBOX": ANN}), (ADMIN, {"INBOX": OWN, "Private": OWN})):
        known = user in server.accounts
        server.user(user)
        if not known:
            fill(server, user, mail)
    server.master(ADMIN, SECRET)
    return server


FORMS = {
    "exchange": "contoso-students/mailadmin/{}",
    "dovecot": "{}*mailadmin",
    "mirapoint": "#{}@contoso-students.edu#mailadmin#",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_name_that_holds_the_administrators(
    dovecot_factory: DovecotFactory, dovecot_mdbox: Dovecot, people: People, tmp_path: Path, form: str
) -> None:
    source = with_own_mail(dovecot_factory(admin_logins=True), people)
    for user in (people.terry, people.ann):
        copy = reading(source, dovecot_mdbox, user, tmp_path, login=form.format(user), password=SECRET)
        await arrives(copy, source, dovecot_mdbox, user)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_the_users_own_password_is_not_the_administrators(
    dovecot_factory: DovecotFactory, people: People, tmp_path: Path, dovecot_mdbox: Dovecot, form: str
) -> None:
    source = with_own_mail(dovecot_factory(admin_logins=True), people)
    for user, password in ((people.terry, PASSWORD), ("nobody", SECRET)):
        copy = reading(source, dovecot_mdbox, user, tmp_path, login=form.format(user), password=password)
        with pytest.raises(errors.LoginFailed) as caught:
            await copy.run()
        assert password not in str(caught.value)


@pytest.mark.parametrize("separator", ["%", "+", "#", "/", "**"])
async def test_the_separator_of_dovecot_is_the_administrators_choice(
    dovecot_factory: DovecotFactory, dovecot_mdbox: Dovecot, people: People, tmp_path: Path, separator: str
) -> None:
    source = with_own_mail(dovecot_factory(extra=f'auth_master_user_separator = "{separator}"\n'), people)
    login = f"{people.terry}{separator[0]}{ADMIN}"
    copy = reading(source, dovecot_mdbox, people.terry, tmp_path, login=login, password=SECRET)
    await arrives(copy, source, dovecot_mdbox, people.terry)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_command_takes_the_names_as_printed(
    dovecot_factory: DovecotFactory, people: People, tmp_path: Path, form: str
) -> None:
    source = with_own_mail(dovecot_factory(admin_logins=True), people)
    words = ["copy", "--quiet", "--source-user", form.format(people.terry), f"imap://127.0.0.1:{source.port}"]
    environment = {**os.environ, "MAILFERRY_SOURCE_PASSWORD": SECRET, "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-m", "mailferry", *words, f"maildir:{tmp_path / 'box'}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    found = [path.read_bytes() for path in (tmp_path / "box").rglob("cur/*")]
    assert sorted(map(crlf, found)) == sorted(crlf(message.data) for message in [*TERRY, TERRY[0]])


# a user root: Courier's virtual shared folders


def courier_with_mail(server: Courier, people: People) -> Courier:
    """Two users; and an administrator with folders of the same names as the roots, and mail of his own in them."""
    server.user(people.terry)
    server.user(people.ann)
    fill(server, people.terry, {"INBOX": TERRY, "INBOX.Sent": TERRY[:2], "INBOX.Clients.2024": TERRY[2:]})
    fill(server, people.ann, {"INBOX": ANN})
    blank = people.terry.replace(".", " ")
    names = ("INBOX.Sent", f"INBOX.users.{blank}", f"INBOX.{blank}")
    known = snapshot(server, ADMIN)
    own = [name for name in names if tuple(name.split(".")[1:]) not in known]
    fill(server, ADMIN, dict.fromkeys(["INBOX", *own], OWN))
    return server


@pytest.mark.parametrize("munged", [False, True])
async def test_courier_by_user_root(
    courier_factory: CourierFactory, dovecot_mdbox: Dovecot, people: People, tmp_path: Path, munged: bool
) -> None:
    source = courier_with_mail(courier_factory(munge_names=munged), people)
    for user in (people.terry, people.ann):
        copy = reading(source, dovecot_mdbox, user, tmp_path, root=f"/users/{user}")
        await arrives(copy, source, dovecot_mdbox, user)


@pytest.mark.parametrize("form", ["users/{}/", "/#shared/users/{}", "#shared.users.{blank}"])
async def test_courier_by_other_spellings_of_the_root(
    courier: Courier, dovecot_mdbox: Dovecot, people: People, tmp_path: Path, form: str
) -> None:
    source = courier_with_mail(courier, people)
    root = form.format(people.terry, blank=people.terry.replace(".", " "))
    await arrives(
        reading(source, dovecot_mdbox, people.terry, tmp_path, root=root), source, dovecot_mdbox, people.terry
    )


async def test_a_folder_below_the_root_that_is_called_like_the_inbox(
    courier: Courier, dovecot_mdbox: Dovecot, people: People, tmp_path: Path
) -> None:
    """The root is the inbox itself; a folder INBOX below it must not take its place."""
    source = courier_with_mail(courier, people)
    fill(source, people.terry, {"INBOX.INBOX": ANN})
    copy = reading(source, dovecot_mdbox, people.terry, tmp_path, root=f"/users/{people.terry}")
    result = await copy.run()
    assert result.stats.total("copied") == len(TERRY) + 2 + 1 + len(ANN)
    inbox = [message.data for message in snapshot(dovecot_mdbox, people.terry)["INBOX",]]
    assert inbox == [message.data for message in TERRY]


async def test_courier_and_a_root_that_is_not_there(
    courier: Courier, dovecot_mdbox: Dovecot, people: People, tmp_path: Path
) -> None:
    """Neither the folder of all users nor the administrator's own mailbox is taken in its place."""
    source = courier_with_mail(courier, people)
    copy = reading(source, dovecot_mdbox, people.terry, tmp_path)
    own = people.terry.replace(".", " ")
    none = ["/users/nobody.here", "/users", "/", "/INBOX", "/Sent", "/INBOX/Sent", "/users/*", "/users/%", f"/{own}"]
    for root in none:
        copy.source = replace(copy.source, user_root=root)
        await is_refused(copy, dovecot_mdbox, people.terry, "no such folder|holds no mail of its own")


async def test_a_dot_in_the_name_does_not_lead_into_another_users_folders(
    courier: Courier, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    """`terry.adams` is not the folder `adams` of `terry`."""
    courier.user(fresh_user)
    fill(courier, fresh_user, {"INBOX": TERRY, "INBOX.adams": TERRY})
    copy = reading(courier, dovecot_mdbox, fresh_user, tmp_path, root=f"/users/{fresh_user}.adams")
    await is_refused(copy, dovecot_mdbox, fresh_user, "no such folder")


async def test_courier_and_a_root_that_may_not_be_read(
    courier: Courier, dovecot_mdbox: Dovecot, people: People, tmp_path: Path
) -> None:
    """First not seen, then seen and not opened, then opened."""
    source = courier_with_mail(courier, people)
    root = f"/users/{people.terry}"
    copy = reading(source, dovecot_mdbox, people.terry, tmp_path, login=people.ann, root=root)
    await is_refused(copy, dovecot_mdbox, people.terry, "may not be seen")
    allow(source, people.terry, b'SETACL "INBOX" %b l', people.ann)
    await is_refused(copy, dovecot_mdbox, people.terry, "cannot be opened: Access denied|may not be opened")
    allow(source, people.terry, b'SETACL "INBOX" %b lr', people.ann)
    await copy.run()
    here = snapshot(dovecot_mdbox, people.terry)
    assert [message.data for message in here["INBOX",]] == [message.data for message in TERRY]


def allow(server: PrivateServer, owner: str, command: bytes, who: str) -> None:
    """Give rights on a folder, as its owner."""
    with connect(server, owner) as client:
        client.command(command % quoted(who.encode()))


# a user root: Dovecot's shared namespace, and Cyrus


@pytest.mark.parametrize("options", [{}, {"separator": ".", "prefix": "INBOX."}])
async def test_dovecot_and_a_root_that_is_none(
    dovecot_factory: DovecotFactory, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path, options: dict[str, str]
) -> None:
    source = dovecot_factory(shared=True, **options)
    prefix = options.get("prefix", "")
    source.user(fresh_user)
    fill(source, fresh_user, {"INBOX": TERRY, f"{prefix}Sent": TERRY})
    source.user(ADMIN)
    fill(source, ADMIN, {"INBOX": OWN, f"{prefix}Archive": OWN})
    for root in ("/users", "/users/", "/users/nobody", "/INBOX", "/INBOX/Archive", "/Archive", "/", "/users/*"):
        copy = reading(source, dovecot_mdbox, fresh_user, tmp_path, root=root)
        await is_refused(copy, dovecot_mdbox, fresh_user, "no such folder|holds no mail of its own")
    copy = reading(source, dovecot_mdbox, fresh_user, tmp_path, root=f"/users/{fresh_user}")
    await arrives(copy, source, dovecot_mdbox, fresh_user)


@pytest.mark.parametrize("unix", [True, False])
async def test_cyrus_and_a_root_that_may_not_be_read(
    cyrus_factory: CyrusFactory, dovecot_mdbox: Dovecot, people: People, tmp_path: Path, unix: bool
) -> None:
    """An administrator sees each mailbox, and reads those whose ACL lets him."""
    source = cyrus_factory(unix_hierarchy=unix)
    for user, mail in ((people.terry, TERRY), (people.ann, ANN)):
        source.user(user)
        fill(source, user, {"INBOX": mail})
    copy = reading(source, dovecot_mdbox, people.terry, tmp_path, root=f"/user/{people.terry}")
    await is_refused(copy, dovecot_mdbox, people.terry, "cannot be opened: Permission denied")
    for root in ("/user", "/user/nobody", "/"):
        copy.source = replace(copy.source, user_root=root)
        await is_refused(copy, dovecot_mdbox, people.terry, "no such folder|holds no mail of its own")
    give_rights(source, people.terry)
    copy.source = replace(copy.source, user_root=f"/user/{people.terry}")
    await copy.run()
    # Not by a snapshot of the source: with dots as separators Cyrus lists nothing to a user whose name has a dot.
    here = snapshot(dovecot_mdbox, people.terry)
    assert [message.data for message in here["INBOX",]] == [message.data for message in TERRY]
    assert sum(map(len, here.values())) == len(TERRY)
    assert (await copy.run()).stats.total("copied") == 0


async def test_folders_that_cyrus_hides_from_their_owner_are_no_empty_mailbox(
    cyrus_factory: CyrusFactory, dovecot_mdbox: Dovecot, people: People, tmp_path: Path
) -> None:
    """With dots as separators it lists nothing to a user whose name has a dot."""
    source = cyrus_factory(unix_hierarchy=False)
    source.user(people.terry)
    fill(source, people.terry, {"INBOX": TERRY})
    copy = reading(source, dovecot_mdbox, people.terry, tmp_path, login=people.terry)
    with pytest.raises(errors.ProtocolBroken, match="LIST shows no folders"):
        await copy.run()


def give_rights(server: Cyrus, user: str) -> None:
    """Let the administrator read a mailbox."""
    with server.admin() as client:
        client.command(b"SETACL %b %b lrs" % (quoted(server.root_of(user).encode()), ADMIN.encode()))
