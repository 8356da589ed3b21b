"""Opening an IMAP mailbox: connection, TLS, login, namespaces, user root."""

from __future__ import annotations

import base64
import logging

from mailferry.backends.base import Features, FolderPath
from mailferry.backends.imap_errors import translated
from mailferry.backends.imap_names import NameCodec, Namespace
from mailferry.backends.imap_root import RootFinder
from mailferry.backends.keys import imap_key
from mailferry.errors import Side
from mailferry.imap import commands, sasl
from mailferry.imap.client import ImapClient, Timeouts
from mailferry.imap.errors import CommandRefused, LoginRefused
from mailferry.imap.exchange import Exchange, Inbox
from mailferry.imap.quirks import Quirks, Refusal, classify, detect
from mailferry.imap.responses import Continuation, Id, ListEntry, NamespaceEntry
from mailferry.imap.transport import client_context
from mailferry.imap.values import Secret
from mailferry.records import dataclass, field


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """Where and as whom to log in. `security`: `none`, `ssl` (implicit TLS) or `tls` (STARTTLS)."""

    host: str
    port: int
    security: str
    user: str
    password: Secret
    authzid: str = ""
    mechanism: str = ""
    user_root: str = ""
    accept_untrusted: bool = False
    ca_file: str | None = None
    hurried: bool = False  # close behind LOGOUT without waiting for the server's last words
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def uses_token(self) -> bool:
        """True if `password` is an OAuth 2 access token."""
        return self.mechanism.upper() in ("XOAUTH2", "OAUTHBEARER")

    @property
    def where(self) -> str:
        """Host and port, for errors."""
        return f"{self.host}:{self.port}"

    @property
    def key(self) -> str:
        """Name of the mailbox in the ledger."""
        return imap_key(self.user, self.host, self.port, authzid=self.authzid, user_root=self.user_root)


class Session:
    """A logged-in connection and what is known of the server."""

    def __init__(
        self, client: ImapClient, settings: ImapSettings, side: Side, log: logging.Logger | None = None
    ) -> None:
        self.log = log
        self.client = client
        self.settings = settings
        self.side = side
        self.quirks: Quirks = Quirks()
        self.software = "IMAP"
        self.namespaces: tuple[list[Namespace], list[Namespace], list[Namespace]] = ([], [], [])
        self.names = NameCodec(b"", "/")
        self._selected = False
        self._listing: Exchange | None = None

    @classmethod
    async def open(
        cls, settings: ImapSettings, side: Side, log: logging.Logger | None = None, *, listing: bool = False
    ) -> Session:
        """Connect and log in; `listing`: ask for the list of folders at once, for `ask_for_list`.

        Raises ConnectFailed, ConnectionLost, TlsFailed, LoginFailed, ServerBusy, ProtocolBroken.
        """
        context = None
        if settings.security != "none":
            context = client_context(accept_untrusted=settings.accept_untrusted, ca_file=settings.ca_file)
        with translated(side, settings.where):
            client = await ImapClient.connect(
                settings.host,
                settings.port,
                security=settings.security,
                context=context,
                timeouts=settings.timeouts,
                log=log,
            )
            self = cls(client, settings, side, log)
            try:
                await self._login()
                await self._introduce(listing=listing and not settings.user_root)
                if settings.user_root:
                    await self._find_root()
            except BaseException:
                client.abort()
                raise
        return self

    def select(
        self,
        path: FolderPath,
        *,
        read_only: bool,
        condstore: bool = False,
        inbox: Inbox | None = None,
        tolerant: bool = True,
    ) -> Exchange:
        """SELECT or EXAMINE a folder; a refusal is the caller's to see, or an error unless `tolerant`."""
        self._selected = True
        command = commands.select(self.names.raw(path), read_only=read_only, condstore=condstore)
        return self.client.submit(command, inbox=inbox, tolerant=tolerant)

    def unselect(self) -> None:
        """Leave the selected folder: a server may answer STATUS for that one with what it showed last, even if the
        folder is gone (RFC 3501, 6.3.10, advises against asking).
        """
        if self._selected and self.client.capabilities.has("UNSELECT"):
            self.client.submit(commands.simple("UNSELECT"), tolerant=True)
            self._selected = False

    @property
    def lists_at_once(self) -> bool:
        """True if one LIST can tell everything (RFC 5258, RFC 5819)."""
        caps = self.client.capabilities
        return caps.has("LIST-EXTENDED") and caps.has("LIST-STATUS") and not self.quirks.broken_special_use_return

    @property
    def message_limit(self) -> int:
        """Messages that one command may touch (RFC 9738); 0: no limit is known."""
        return self.client.capabilities.message_limit or self.quirks.message_limit or 0

    @property
    def status_items(self) -> bytes:
        """What STATUS is asked for."""
        items = b"MESSAGES UIDNEXT UIDVALIDITY"
        return items + b" HIGHESTMODSEQ" if self.client.capabilities.has("CONDSTORE") else items

    def ask_for_list(self, pattern: bytes) -> Exchange:
        """LIST with subscriptions, special uses and counts; the first one may be on its way since the login, and counts
        if no command followed it that may have changed something.
        """
        early, self._listing = self._listing, None
        if early is not None and pattern == b"*" and self.client.is_latest(early):
            return early
        special = b"SPECIAL-USE " if self.client.capabilities.has("SPECIAL-USE") else b""
        returns = b"(SUBSCRIBED " + special + b"STATUS (" + self.status_items + b"))"
        return self.client.submit(commands.list_(pattern, returns=returns))

    async def close(self) -> None:
        """Log out. Never raises."""
        await self.client.logout(wait=not self.settings.hurried)

    async def _login(self) -> None:
        client, settings = self.client, self.settings
        greeting = client.greeting
        if greeting is not None and greeting.kind == "PREAUTH":
            return
        self.quirks = detect(greeting.text if greeting else "", capabilities=client.capabilities)
        if settings.authzid and self.quirks.is_courier:
            raise LoginRefused(
                "Courier ignores the authorisation identity and would open the administrator's own mailbox"
            )
        credentials = sasl.Credentials(
            settings.user,
            None if settings.uses_token else settings.password,
            settings.password if settings.uses_token else None,
            settings.authzid,
            settings.host,
            settings.port,
        )
        name = sasl.choose(
            client.capabilities, credentials, requested=settings.mechanism or None, encrypted=client.encrypted
        )
        before = client.capabilities
        try:
            if name == sasl.LOGIN_COMMAND:
                await client.submit(commands.login(settings.user, settings.password)).wait()
            else:
                await self._authenticate(sasl.MECHANISMS[name](credentials))
        except CommandRefused as error:
            code = error.code.name if error.code else ""
            temporary = classify(error.text, code) in (Refusal.BUSY, Refusal.LIMIT, Refusal.SERVER_BUG)
            raise LoginRefused(error.text, code, temporary=temporary) from None
        if client.capabilities is before:
            await client.refresh_capabilities()

    async def _authenticate(self, mechanism: sasl.Mechanism) -> None:
        client = self.client
        initial = mechanism.initial()
        encoded = None
        if initial is not None and client.capabilities.has("SASL-IR"):
            encoded = base64.b64encode(initial) or b"="
            initial = None
        exchange = client.submit(commands.authenticate(mechanism.name, encoded))
        pending = [initial] if initial is not None else []

        def answer(challenge: Continuation) -> None:
            if pending:
                reply: bytes | None = pending.pop()
            else:
                reply = mechanism.respond(base64.b64decode(challenge.text))
            client.push(exchange, base64.b64encode(reply or b"") + b"\r\n")

        exchange.on_continuation = answer
        await exchange.wait()
        if not mechanism.finished:
            raise LoginRefused("the server said OK before it proved that it knows the password")

    async def _introduce(self, *, listing: bool) -> None:
        """ID and NAMESPACE in one round trip, and LIST behind them, whose answer is not waited for."""
        client = self.client
        id_: Exchange | None = None
        if client.capabilities.has("ID"):
            id_ = client.submit(commands.id_([("name", "Mailferry")]), tolerant=True)
        space: Exchange | None = None
        if client.capabilities.has("NAMESPACE"):
            space = client.submit(commands.simple("NAMESPACE"), tolerant=True)
        else:  # the delimiter at least
            space = client.submit(commands.list_(b""), tolerant=True)
        if listing and self.lists_at_once:
            self._listing = self.ask_for_list(b"*")
        said: dict[str, str] = {}
        if id_ is not None:
            await id_.reply
            for response in id_.untagged:
                if isinstance(response, Id):
                    said = dict(response.fields)
        await space.reply
        greeting = client.greeting
        self.quirks = detect(greeting.text if greeting else "", said, client.capabilities)
        self.software = said.get("name") or self.quirks.name or "IMAP"
        for entry in space.untagged:
            if isinstance(entry, NamespaceEntry):
                self.namespaces = (_spaces(entry.personal), _spaces(entry.other), _spaces(entry.shared))
            elif isinstance(entry, ListEntry):
                self.namespaces = ([Namespace(b"", entry.delimiter)], [], [])
        personal = self.namespaces[0] or [Namespace(b"", "/")]
        others = tuple(n.prefix for n in self.namespaces[1] + self.namespaces[2] if n.prefix)
        self.names = NameCodec(personal[0].prefix, personal[0].delimiter, others=others)

    async def _find_root(self) -> None:
        """Look for the user root in the server's namespaces."""
        own, others, shared = self.namespaces
        finder = RootFinder(self.client, own, [*others, *shared], self.side, self.settings.where)
        self._selected = True
        self.names = await finder.find(self.settings.user_root)
        self.unselect()

    def features(self) -> Features:
        """Say what this server does."""
        caps, quirks = self.client.capabilities, self.quirks
        return Features(
            name=self.software,
            reports_new_ids=caps.has("UIDPLUS"),
            one_lane=caps.has("MULTIAPPEND"),
            keeps_bytes=quirks.keeps_bytes,
            condstore=caps.has("CONDSTORE"),
            max_message_bytes=caps.append_limit,
            delimiter=self.names.delimiter,
            case_insensitive=quirks.case_insensitive_folders,
            is_exchange=quirks.is_exchange,
            is_gmail=quirks.is_gmail,
            uid_expunge=caps.has("UIDPLUS"),
        )


def _spaces(entries: list[tuple[bytes, str | None]] | tuple[tuple[bytes, str | None], ...]) -> list[Namespace]:
    return [Namespace(prefix, delimiter) for prefix, delimiter in entries]
