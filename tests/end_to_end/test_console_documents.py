"""The documents' command lines as an administrator types them, in their order, with each CSV that they print.

Host names, ports and paths are those of the test; all else is as printed: the endpoint that is broken over two lines,
the quote that has no partner. The mail of the documents' three users arrives and is compared.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.conformance import mails
from tests.end_to_end.console_terminal import ConsoleTerminal
from tests.end_to_end.serving import Serving, until
from tests.faults.support import crlf, messages
from tests.servers.base import PrivateServer
from tests.servers.mailboxes import Message, fill
from tests.servers.plugin import CourierFactory, DovecotFactory

ADMIN, SECRET = "mailadmin", "P@ssw0rd"

TEST: Final = "Test-MigrationServerAvailability -IMAP -RemoteServer {host} -Port {port} -Security {security}"
NEW_ENDPOINT: Final = "New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer {host} -Port {port} -Security Ssl"
NEW_ENDPOINT_ON_TWO_LINES: Final = """\
New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer {host} -Port {port} -Security Tls -MaxConcurrentMigrations
50 -MaxConcurrentIncrementalSyncs 25"""
GET_ENDPOINT: Final = "Get-MigrationEndpoint IMAPEndpoint | Format-List EndpointType,RemoteServer,Port,Security,Max*"
NEW_BATCH: Final = (
    "New-MigrationBatch -Name IMAPBatch1 -SourceEndpoint IMAPEndpoint "
    '-CSVData ([System.IO.File]::ReadAllBytes("{csv}")) -AutoStart'
)
GET_BATCH: Final = "Get-MigrationBatch -Identity IMAPBatch1 | Format-List"
GET_STATUS: Final = "Get-MigrationBatch -Identity IMAPBatch1 | Format-List Status"
REMOVE_BATCH: Final = "Remove-MigrationBatch -Identity IMAPBatch1"
IS_REMOVED: Final = 'Get-MigrationBatch IMAPBatch1"'


@dataclass(frozen=True, slots=True)
class Form:
    """A CSV that the documents print, and whether the endpoint is made by the line that is broken over two."""

    csv: str
    on_two_lines: bool = False


USERS = Form("""\
EmailAddress,UserName,Password
terrya@contoso.edu,terry.adams,1091990
annb@contoso.edu,ann.beebe,2111991
paulc@contoso.edu,paul.cannon,3281986
""")
FORMS: Final = {
    "user-credentials": USERS,
    "domain-and-user": Form(
        """\
EmailAddress,UserName,Password
terrya@contoso.edu,contoso\\terry.adams,1091990
annb@contoso.edu,contoso\\ann.beebe,2111991
paulc@contoso.edu,contoso\\paul.cannon,3281986
""",
        on_two_lines=True,
    ),
    "exchange": Form("""\
EmailAddress,UserName,Password
terrya@contoso.edu,contoso-students/mailadmin/terry.adams,P@ssw0rd
annb@contoso.edu,contoso-students/mailadmin/ann.beebe,P@ssw0rd
paulc@contoso.edu,contoso-students/mailadmin/paul.cannon,P@ssw0rd
"""),
    "dovecot": Form(
        """\
EmailAddress,UserName,Password
terrya@contoso.edu,terry.adams*mailadmin,P@ssw0rd
annb@contoso.edu,ann.beebe*mailadmin,P@ssw0rd
paulc@contoso.edu,paul.cannon*mailadmin,P@ssw0rd
""",
        on_two_lines=True,
    ),
    "mirapoint": Form("""\
EmailAddress,UserName,Password
terrya@contoso.edu,#terry.adams@contoso-students.edu#mailadmin#,P@ssw0rd
annb@contoso.edu,#ann.beebe@contoso-students.edu#mailadmin#,P@ssw0rd
paulc@contoso.edu,#paul.cannon@contoso-students.edu#mailadmin#,P@ssw0rd
"""),
}
COURIER: Final = Form(
    """\
EmailAddress,UserName,Password,UserRoot
terrya@contoso.edu,mailadmin,P@ssw0rd,/users/terry.adams
annb@contoso.edu,mailadmin,P@ssw0rd,/users/ann.beebe
paulc@contoso.edu,mailadmin,P@ssw0rd,/users/paul.cannon
""",
    on_two_lines=True,
)

PEOPLE: Final = {
    "terrya@contoso.edu": ("terry.adams", "1091990", {"INBOX": 4, "Sent": 2}),
    "annb@contoso.edu": ("ann.beebe", "2111991", {"INBOX": 3}),
    "paulc@contoso.edu": ("paul.cannon", "3281986", {"INBOX": 1, "Sent": 5}),
}
"""Address: login name, password, and how many messages are in which folder."""


def mail_of(address: str) -> dict[str, list[Message]]:
    """Give the folders of a user; no two users and folders have a message in common."""
    found, number = {}, 1_000 * (1 + list(PEOPLE).index(address))
    for folder, count in PEOPLE[address][2].items():
        found[folder] = messages([mails.message(number + i) for i in range(count)])
        number += count
    return found


def fill_server(server: PrivateServer, prefix: str = "") -> None:
    """Make the three users, with their mail unless they have it already."""
    for address, (name, password, _) in PEOPLE.items():
        known = name in server.accounts
        server.user(name, password)
        if not known:
            folders = {folder if folder == "INBOX" else prefix + folder: m for folder, m in mail_of(address).items()}
            fill(server, name, folders)


def arrived(serving: Serving, address: str) -> dict[str, Counter[bytes]]:
    """Read the Maildir of a user by folder."""
    root = serving.data / "mailboxes" / address
    found: dict[str, Counter[bytes]] = {}
    for path in [*root.rglob("cur/*"), *root.rglob("new/*")]:
        folder = path.parent.parent
        name = "INBOX" if folder == root else folder.name.removeprefix(".")
        found.setdefault(name, Counter())[crlf(path.read_bytes())] += 1
    return found


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_documents_lines(dovecot_factory: DovecotFactory, tmp_path: Path, form: Form) -> None:
    source = dovecot_factory(admin_logins=True)
    fill_server(source)
    source.master(ADMIN, SECRET)
    six_steps(source, form, tmp_path)


def test_the_documents_lines_with_a_user_root(courier_factory: CourierFactory, tmp_path: Path) -> None:
    source = courier_factory(max_connections=190)  # one of its own: the administrator's password is the documents'
    fill_server(source, prefix="INBOX.")
    source.user(ADMIN, SECRET)
    six_steps(source, COURIER, tmp_path)


def six_steps(source: PrivateServer, form: Form, folder: Path) -> None:
    """Type all lines in their order, and look at what each answers."""
    csv = folder / "IMAPmigration_1.csv"
    csv.write_text(form.csv)
    security = "Tls" if form.on_two_lines else "Ssl"
    port = source.port if form.on_two_lines else source.tls_port
    place = {"host": "localhost", "port": str(port), "csv": str(csv), "security": security}
    with (
        Serving(folder, SSL_CERT_FILE=str(source.ca_file)) as serving,
        ConsoleTerminal("--data", "data", folder=folder) as console,
    ):
        assert value(console.run(TEST.format(**place)), "Result") == "Success"

        endpoint = NEW_ENDPOINT_ON_TWO_LINES if form.on_two_lines else NEW_ENDPOINT
        assert "IMAPEndpoint" in console.run(endpoint.format(**place))
        shown = console.run(GET_ENDPOINT)
        limits = ("50", "25") if form.on_two_lines else ("20", "10")
        assert (value(shown, "EndpointType"), value(shown, "RemoteServer")) == ("IMAP", "localhost")
        assert (value(shown, "Port"), value(shown, "Security")) == (str(port), security)
        names = ("MaxConcurrentMigrations", "MaxConcurrentIncrementalSyncs")
        assert (value(shown, names[0]), value(shown, names[1])) == limits

        assert "IMAPBatch1" in console.run(NEW_BATCH.format(**place))
        until(lambda: value(console.run(GET_STATUS), "Status") == "Synced", serving.told)
        shown = console.run(GET_BATCH)
        assert (value(shown, "Identity"), value(shown, "Status")) == ("IMAPBatch1", "Synced")
        assert (value(shown, "TotalCount"), value(shown, "SyncedCount"), value(shown, "FailedCount")) == ("3", "3", "0")
        assert value(shown, "DataConsistencyScore") == "Perfect"
        for address in PEOPLE:
            wanted = {name: Counter(crlf(m.data) for m in found) for name, found in mail_of(address).items()}
            assert arrived(serving, address) == wanted, address

        assert "Are you sure" in console.run(REMOVE_BATCH, "Y")
        until(lambda: is_gone(console.run(IS_REMOVED)), serving.told)
        assert "P@ssw0rd" not in console.screen


def value(shown: str, name: str) -> str:
    """Give a property of a list."""
    found = re.search(rf"^{name} *: (.*)$", shown, re.MULTILINE)
    assert found, shown
    return found[1].strip()


def is_gone(shown: str) -> bool:
    """Look at what is said of a batch that is being removed: its state, or that there is none."""
    if "couldn't be found" in shown:
        return True
    assert "Removing" in shown, shown
    return False
