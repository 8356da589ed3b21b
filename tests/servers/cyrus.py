"""A private Cyrus IMAP for one test or one session."""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.base import HOST, PASSWORD, Account, PrivateServer
from tests.servers.client import ImapClient, quoted
from tests.servers.pki import CertificateKind
from tests.servers.syslog import Syslog

ADMIN = "mailadmin"


@dataclass(frozen=True, slots=True)
class CyrusOptions:
    """How a Cyrus differs from the plain one."""

    alt_namespace: bool = True
    """Folders beside INBOX; else below `INBOX.` or `INBOX/`."""
    unix_hierarchy: bool = True
    """The separator is `/`; else it is a dot, and a dot in a user's name is `^`."""
    without: tuple[str, ...] = ()
    """Capabilities that are not announced."""
    allow_plaintext: bool = True
    """Else LOGINDISABLED until STARTTLS."""
    max_message_bytes: int | None = None
    max_connections: int | None = None
    """Per user."""
    quota_kib: int | None = None
    """Of each user made afterwards."""
    certificate: CertificateKind = "good"


class Cyrus(PrivateServer):
    """`with Cyrus(CyrusOptions(alt_namespace=False)) as server:`; see `PrivateServer` for the rest.

    `mailadmin` (password `secret`) is an admin, and may open any mailbox by the SASL PLAIN authorisation identity.
    """

    kind = "cyrus"

    def __init__(self, options: CyrusOptions | None = None) -> None:
        self.options = options or CyrusOptions()
        super().__init__(certificate=self.options.certificate, private_dev=True)
        self._syslog = Syslog(self.folder / "devlog", self.folder / "log" / "cyrus.log")
        for name in ("db", "socket", "log", "msg", "ptclient", "quota", "user", "sieve", "proc", "lock"):
            self.folder.joinpath("db", name).mkdir(parents=True)
        self.folder.joinpath("sock").mkdir()
        self._conf = self.folder / "imapd.conf"
        self._write_settings()
        self._set_password(ADMIN, PASSWORD)

    def user(self, name: str, password: str = PASSWORD) -> Account:
        """Make a user and its INBOX, or change the password of one. The server must run."""
        self._set_password(name, password)
        if name not in self.accounts:
            root = self.root_of(name).encode()
            with self.admin() as client:
                client.command(b"CREATE " + quoted(root))
                if self.options.quota_kib is not None:
                    client.command(b"SETQUOTA %s (STORAGE %d)" % (quoted(root), self.options.quota_kib))
        account = self.accounts[name] = Account(name, password, self.folder / "mail")
        return account

    def root_of(self, name: str) -> str:
        """The name by which an admin knows the user's INBOX."""
        return f"user/{name}" if self.options.unix_hierarchy else f"user.{name.replace('.', '^')}"

    def admin(self) -> ImapClient:
        """A connection logged in as the admin."""
        client = ImapClient(self.tls_port, security="tls", ca_file=self.ca_file)
        try:
            client.login(ADMIN, PASSWORD)
        except BaseException:
            client.close()
            raise
        return client

    def log_text(self) -> str:
        return self._syslog.text()

    def remove(self) -> None:
        self.kill()
        self._syslog.close()
        super().remove()

    def _set_password(self, name: str, password: str) -> None:
        command = ["saslpasswd2", "-f", str(self.folder / "sasldb2"), "-c", "-p", "-u", "localhost", name]
        self.namespace.run(command, stdin=password.encode())

    def _launch(self) -> None:
        folder = self.folder
        imapd = f"imapd -C {self._conf} -U 50"
        folder.joinpath("cyrus.conf").write_text(f"""
START {{
  recover cmd="ctl_cyrusdb -C {self._conf} -r"
}}
SERVICES {{
  imap cmd="{imapd}" listen="{HOST}:{self.port}" prefork=1 maxchild=200
  imaps cmd="{imapd} -s" listen="{HOST}:{self.tls_port}" prefork=0 maxchild=200
}}
EVENTS {{
  checkpoint cmd="ctl_cyrusdb -C {self._conf} -c" period=30
}}
""")
        folder.joinpath("sock", "master.pid").unlink(missing_ok=True)
        master = ["/usr/lib/cyrus/bin/master", "-C", str(self._conf), "-M", str(folder / "cyrus.conf")]
        self.namespace.start([*master, "-p", str(folder / "sock" / "master.pid")])

    def _write_settings(self) -> None:
        options, folder = self.options, self.folder
        settings: dict[str, object] = {
            "configdirectory": f"{folder}/db",
            "partition-default": f"{folder}/mail",
            "defaultpartition": "default",
            "proc_path": f"{folder}/sock/proc",
            "mboxname_lockpath": f"{folder}/sock/lock",
            "idlesocket": f"{folder}/sock/idle",
            "notifysocket": f"{folder}/sock/notify",
            "lmtpsocket": f"{folder}/sock/lmtp",
            "duplicate_db_path": f"{folder}/db/deliver.db",
            "statuscache_db": "twoskip",
            "cyrus_user": "cyrus",
            "admins": f"cyrus {ADMIN}",
            "proxyservers": ADMIN,
            "servername": "localhost",
            "virtdomains": "off",
            "sasl_pwcheck_method": "auxprop",
            "sasl_auxprop_plugin": "sasldb",
            "sasl_sasldb_path": f"{folder}/sasldb2",
            "sasl_mech_list": "PLAIN",
            "hashimapspool": "no",
            "munge8bit": "no",
            "reject8bit": "no",
            "popminpoll": 0,
            "delete_mode": "immediate",
            "expunge_mode": "immediate",
            "failedloginpause": 0,
            "tls_server_cert": self.certificate.certificate,
            "tls_server_key": self.certificate.key,
            "tls_sessions_db_path": f"{folder}/db/tls_sessions.db",
            "allowplaintext": _yes(options.allow_plaintext),
            "altnamespace": _yes(options.alt_namespace),
            "unixhierarchysep": _yes(options.unix_hierarchy),
        }
        optional = {
            "maxmessagesize": options.max_message_bytes,
            "maxlogins_per_user": options.max_connections,
            "suppress_capabilities": " ".join(options.without) or None,
        }
        settings |= {key: value for key, value in optional.items() if value is not None}
        self._conf.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
