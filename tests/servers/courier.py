"""A private Courier IMAP for one test or one session."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from tests.servers.base import HOST, PASSWORD, Account, PrivateServer
from tests.servers.namespace import DAEMON_ID
from tests.servers.pki import CertificateKind
from tests.servers.syslog import Syslog

ADMIN = "mailadmin"
CAPABILITY = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE AUTH=PLAIN"
"""As Debian sets it, with AUTH=PLAIN; Courier adds ACL, STARTTLS, ENABLE and UTF8=ACCEPT."""

# $1 arguments of the listener, $2 plain port, $3 TLS port. Each daemon stays in the foreground.
_SCRIPT = r"""
set -e
mkdir -p /run/courier/authdaemon
/usr/lib/courier/courier-authlib/authdaemond &
IMAP_STARTTLS=NO IMAP_TLS=1 couriertcpd $1 "$3" /usr/bin/couriertls -server -tcpd \
    /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir &
couriertcpd $1 "$2" /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
"""


@dataclass(frozen=True, slots=True)
class CourierOptions:
    """How a Courier differs from the plain one."""

    capability: str = CAPABILITY
    munge_names: bool = False
    """In `#shared.users.NAME`, write a dot in a user's name as `\\:` instead of a blank."""
    max_connections: int = 200
    """From one address; more are closed without a word."""
    tls_required: bool = False
    """No password before STARTTLS."""
    certificate: CertificateKind = "good"


class Courier(PrivateServer):
    """`with Courier(CourierOptions(munge_names=True)) as server:`; see `PrivateServer` for the rest.

    `mailadmin` (password `secret`) may open all folders of all users as `#shared.users.NAME`.
    """

    kind = "courier"

    def __init__(self, options: CourierOptions | None = None) -> None:
        self.options = options or CourierOptions()
        super().__init__(certificate=self.options.certificate, private_dev=True)
        self._syslog = Syslog(self.folder / "devlog", self.folder / "log" / "courier.log")
        self._conf = self.namespace.etc / "courier"
        self._shared = self._conf / "shared"
        self._shared.mkdir(parents=True)
        self._shared.joinpath("index").write_text("users\t*\tusers\n")
        self._conf.joinpath("authdaemonrc").write_text(
            "".join(f'{key}="{value}"\n' for key, value in self._auth_settings().items())
        )
        self._hashes: dict[str, str] = {}
        self.user(ADMIN)

    def user(self, name: str, password: str = PASSWORD) -> Account:
        home = self.folder / "mail" / name
        account = self.accounts[name] = Account(name, password, home)
        if not home.exists():
            home.mkdir()
            self.namespace.run(["maildirmake.courier", str(home / "Maildir")])
        self._hashes[name] = subprocess.run(
            ["openssl", "passwd", "-5", "-stdin"], input=password, capture_output=True, text=True, check=True
        ).stdout.strip()
        self._write_users()
        return account

    def log_text(self) -> str:
        return self._syslog.text()

    def remove(self) -> None:
        self.kill()
        self._syslog.close()
        super().remove()

    def _write_users(self) -> None:
        lines, shared = [], []
        for account in self.accounts.values():
            fields = [f"uid={DAEMON_ID}", f"gid={DAEMON_ID}", f"home={account.home}", f"mail={account.home}/Maildir"]
            fields += [f"systempw={self._hashes[account.name]}"]
            fields += ["options=group=administrators"] if account.name == ADMIN else []
            lines.append(f"{account.name}\t{'|'.join(fields)}\n")
            shared.append(f"{account.name}\t{DAEMON_ID}\t{DAEMON_ID}\t{account.home}\tMaildir\n")
        userdb = self._conf / "userdb"
        userdb.touch(mode=0o600)
        userdb.write_text("".join(lines))
        self._shared.joinpath("users").write_text("".join(shared))
        self.namespace.run(["makeuserdb"])

    def _launch(self) -> None:
        options = self.options
        listener = f"-address={HOST} -maxprocs=400 -maxperip={options.max_connections} -nodnslookup -noidentlookup"
        listener += " -stderrlogger=/usr/sbin/courierlogger -stderrloggername=imapd"
        command = ["sh", "-c", _SCRIPT, "courier", listener, str(self.port), str(self.tls_port)]
        self.namespace.start(command, {**self._auth_settings(), **self._imap_settings()})

    def _auth_settings(self) -> dict[str, str]:
        names = {"authmodulelist": "authuserdb", "authmodulelistorig": "authuserdb"}
        return {**names, "daemons": "5", "authdaemonvar": "/run/courier/authdaemon"}

    def _imap_settings(self) -> dict[str, str]:
        options = self.options
        return {
            "AUTHMODULES": "authdaemon",
            "MAILDIRPATH": "Maildir",
            "IMAP_CAPABILITY": options.capability,
            "IMAP_CAPABILITY_TLS": options.capability,
            "IMAP_ACL": "1",
            "IMAP_KEYWORDS": "1",
            "IMAP_MAILBOX_SANITY_CHECK": "0",
            "IMAP_USELOCKS": "1",
            "IMAP_EMPTYTRASH": "",
            "IMAP_SHAREDINDEXFILE": "/etc/courier/shared/index",
            "IMAP_SHAREDMUNGENAMES": str(int(options.munge_names)),
            "IMAP_TLS_REQUIRED": str(int(options.tls_required)),
            "IMAP_STARTTLS": "YES",
            "IMAPDSTARTTLS": "YES",
            "COURIERTLS": "/usr/bin/couriertls",
            "TLS_CERTFILE": str(self.certificate.both),
        }
