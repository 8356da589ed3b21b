"""Sends the reports of batches by mail, beside the dispatcher. Trouble with mails disturbs no migration.

A mail is noted after it was taken: when the process ends between the two, the mail is sent again, so there may be one
too many after a crash, and never one too few. Attempts are noted before they are made.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage

import structlog

from mailferry.migration.csvrows import is_smtp_address
from mailferry.migration.mailtext import MailFacts, Occasion
from mailferry.migration.model import Batch
from mailferry.service import mailserver
from mailferry.service.configuration import Configuration
from mailferry.service.errors import NotFound
from mailferry.service.mailcontent import figures_of, with_details
from mailferry.service.mailmessage import compose, sender_of
from mailferry.service.mailnotes import MailNotes
from mailferry.service.mailoccasions import Note, due, is_old_news
from mailferry.service.mailserver import MailServer, NotSent
from mailferry.service.reports import Reports
from mailferry.store import events
from mailferry.store.database import Database

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 60.0
TICK_SECONDS = 2.0
CLOSING_SECONDS = 10.0
"""How long the end of the service waits for a mail that is being sent; it is sent again at the next start."""

_PROGRESS = (Occasion.AT_WORK, Occasion.FOLLOWING)


class _Closing(Exception):
    """The service ends while a mail is being sent; what became of the mail is not known."""


class Mailer:
    """The reports by mail of one service. `url` gives where the service is found, or ''."""

    def __init__(
        self,
        database: Database,
        config: Configuration,
        reports: Reports,
        now: Callable[[], float],
        url: Callable[[], str] = str,
        *,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._database = database
        self._config = config
        self._reports = reports
        self._now = now
        self._url = url
        self._tick_seconds = tick_seconds
        self._notes = MailNotes(database)
        self._closing = asyncio.Event()
        self._server: MailServer | None = None
        self._seen = 0
        self._looked_at: float | None = None

    async def run(self) -> None:
        """Work until cancelled. Errors of the database are waited out."""
        working = asyncio.create_task(self._work())
        try:
            await asyncio.shield(working)
        finally:
            self._closing.set()  # a transaction is never cut: its connection would keep the database locked
            await working

    async def _work(self) -> None:
        while not self._closing.is_set():
            pause = self._tick_seconds
            try:
                if await self._is_time():
                    await self.look()
            except Exception:
                _log.exception("mailer failed")
                pause = LOOK_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)

    async def _is_time(self) -> bool:
        """True if a batch or the mail server has changed, or nobody has looked for a minute."""
        async with self._database.connect() as connection:
            if self._looked_at is None:
                self._seen = await events.last_id(connection)
            news = await events.since(connection, self._seen)
        changed = any(event.name == "batch" for event in news) or await self._config.mail_server() != self._server
        if news:
            self._seen = news[-1].id
        now = self._now()
        if not changed and self._looked_at is not None and self._looked_at <= now < self._looked_at + LOOK_SECONDS:
            return False
        self._looked_at = now
        return True

    async def look(self) -> None:
        """Send what is due now."""
        before, server = self._server, await self._config.mail_server()
        self._server = server
        if server is None:
            return
        mended = before is not None and server != before  # perhaps
        down: NotSent | None = None
        for batch, note in await self._notes.read():
            now = self._now()
            occasion = due(batch, note, now)
            if occasion is None or (now < note.retry_at and not mended):
                continue
            if is_old_news(batch, note, occasion, now):
                await self._notes.write(batch, note, note.passed_over(batch, occasion))
                continue
            try:
                down = await self._tell(server, batch, note, occasion, down)
            except _Closing:
                return
            except NotFound:
                continue  # it was removed meanwhile

    async def _tell(
        self, server: MailServer, batch: Batch, note: Note, occasion: Occasion, down: NotSent | None
    ) -> NotSent | None:
        """Send one report, if there is something new. Gives why no other one can be sent either, if that is so.

        `down`: that is known already, so the server is not asked again.
        """
        now = self._now()
        facts = await figures_of(self._database, batch, occasion)
        if occasion in _PROGRESS and facts.figures == note.figures and not note.attempts:
            await self._notes.write(batch, note, note.seen(now))
            return down
        tried = await self._notes.write(batch, note, note.tried(now))
        if tried is None:
            return down
        try:
            if down is not None:
                raise down
            refused = await self._send(server, facts, note)
        except NotSent as error:
            await self._failed(batch, tried, occasion, facts, error)
            return error if error.for_all else down
        await self._notes.write(batch, tried, tried.told(batch, occasion, facts.figures, self._now()))
        trouble = ", ".join(f"{address} ({reason})" for address, reason in refused.items())
        await self._notes.show(batch, f"it did not go to {trouble}." if refused else "")
        _log.info("report sent by mail", batch=batch.name, occasion=occasion.name, refused=len(refused))
        return None

    async def _failed(self, batch: Batch, tried: Note, occasion: Occasion, facts: MailFacts, error: NotSent) -> None:
        now = self._now()
        given_up = tried.is_given_up(now)
        if given_up:
            await self._notes.write(batch, tried, tried.told(batch, occasion, facts.figures, now))
        await self._notes.show(batch, f"{error} {'It is given up.' if given_up else 'It is tried again.'}")
        _log.warning(
            "report not sent by mail", batch=batch.name, reason=str(error), attempts=tried.attempts, given_up=given_up
        )

    async def _send(self, server: MailServer, facts: MailFacts, note: Note) -> dict[str, str]:
        """Send one mail. Gives who did not get it, and why. Raises NotSent."""
        wanted = tuple(dict.fromkeys(address.strip() for address in facts.batch.notification_emails))
        recipients = tuple(address for address in wanted if is_smtp_address(address))
        refused = {address: "not an address" for address in wanted if address not in recipients}
        sender = sender_of(server.sender)
        if not recipients or sender is None:
            raise NotSent("none of its addresses is one." if sender else "smtp_from is not set.", for_all=not sender)
        facts, files = await with_details(self._database, self._reports, facts, self._url())
        message = compose(facts, sender, recipients, files, number=note.number + 1, now=self._now())
        return refused | await self._in_thread(server, message, sender.addr_spec, recipients)

    async def _in_thread(
        self, server: MailServer, message: EmailMessage, sender: str, recipients: tuple[str, ...]
    ) -> dict[str, str]:
        """Let a thread send it. The thread holds nothing up at the end of the process, however slow the server is."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[dict[str, str]] = loop.create_future()

        def settle(refused: dict[str, str] | None, error: Exception | None) -> None:
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(refused or {})

        def work() -> None:
            refused, error = None, None
            try:
                refused = mailserver.send(server, message, sender, recipients)
            except Exception as raised:
                error = raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, refused, error)

        threading.Thread(target=work, name="mail", daemon=True).start()
        closing = asyncio.create_task(self._closing.wait())
        await asyncio.wait((result, closing), return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not result.done():
            await asyncio.wait((result,), timeout=CLOSING_SECONDS)
        if not result.done():
            raise _Closing
        return result.result()
