"""One availability test: step after step until one fails, within one time limit."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from mailferry.imap.capability import Capabilities
from mailferry.imap.errors import ProtocolError
from mailferry.imap.quirks import detect
from mailferry.imap.responses import Status
from mailferry.imap.transport import client_context
from mailferry.migration.model import Security
from mailferry.service import availability_advice as advice
from mailferry.service import availability_steps as steps
from mailferry.service.availability_certificate import SOON_DAYS, Certificate, explain, problem_of, read_certificate
from mailferry.service.availability_model import Availability, ServerSettings, Step, StepName, StepState
from mailferry.service.availability_steps import Address, Finding, StepFailed
from mailferry.service.availability_wire import Dialogue, Wire

_PLAIN: tuple[StepName, ...] = ("dns", "tcp", "greeting", "tls", "capabilities")
_IMPLICIT: tuple[StepName, ...] = ("dns", "tcp", "tls", "greeting", "capabilities")
_PROBE_SECONDS = 2.0

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


def make_contexts(ca_file: str | None) -> Contexts:
    """Make the context that verifies and the one that only looks. Slow, since it reads files. Raises OSError."""
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.minimum_version = ssl.TLSVersion.TLSv1_2
    looking.check_hostname = False
    looking.verify_mode = ssl.CERT_NONE
    return client_context(accept_untrusted=False, ca_file=ca_file), looking


class AvailabilityTest:
    """One run: the steps so far, and the connections to be closed at the end. `contexts`: see `make_contexts`."""

    def __init__(self, settings: ServerSettings, contexts: Contexts, limit_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._server = settings.remote_server
        self._limit = limit_seconds
        self._deadline = self._loop.time() + limit_seconds
        self._strict, self._lenient = contexts
        self._steps: list[Step] = []
        self._failure: StepFailed | None = None
        self._addresses: Sequence[Address] = ()
        self._wires: list[Wire] = []
        self._dialogue: Dialogue | None = None
        self._greeting = ""
        self._certificate: Certificate | None = None
        self._capabilities = Capabilities(())

    async def run(self) -> None:
        """Take step after step until one fails; the rest is skipped."""
        works: dict[StepName, Callable[[], Awaitable[Finding | None]]] = {
            "dns": self._dns,
            "tcp": self._tcp,
            "tls": self._tls,
            "greeting": self._greet,
            "capabilities": self._ask,
        }
        for name in _IMPLICIT if self._settings.security is Security.SSL else _PLAIN:
            if self._failure is not None:
                self._steps.append(Step(name, "skipped", "not tried, since a step before it failed"))
            else:
                await self._step(name, works[name])
        if self._failure is None:
            await self._log_out()

    async def _step(self, name: StepName, work: Callable[[], Awaitable[Finding | None]]) -> None:
        begun = self._loop.time()
        finding: Finding | None = None
        try:
            async with asyncio.timeout_at(self._deadline):
                finding = await work()
        except TimeoutError:
            self._failure = StepFailed(_NO_ANSWER[name], self._patience(name), timed_out=True)
        except StepFailed as failure:
            self._failure = failure
        except (OSError, ProtocolError) as error:
            self._failure = StepFailed(f"the connection broke: {advice.shown(str(error))}", advice.BLOCKED)
        took = round((self._loop.time() - begun) * 1000)
        if self._failure is not None:
            self._steps.append(Step(name, "failed", self._failure.text, self._failure.advice, took))
        elif finding is None:
            self._steps.append(Step(name, "skipped", "Security is None"))
        else:
            state: StepState = "warning" if finding.advice else "passed"
            self._steps.append(Step(name, state, finding.text, finding.advice, took))

    def _patience(self, name: StepName) -> str:
        if name == "dns":
            return "Check the name servers and the network of this machine, then try again."
        if name in ("tcp", "tls"):
            return f"{advice.BLOCKED} {advice.WRONG_PORT}"
        return advice.silent(self._settings.security, self._settings.port)

    def _left(self) -> float:
        return max(self._deadline - self._loop.time(), 0.0)

    # the steps

    async def _dns(self) -> Finding:
        self._addresses = await steps.look_up(self._server, self._settings.port)
        return Finding(", ".join(str(where[0]) for _, where in self._addresses))

    async def _tcp(self) -> Finding:
        # A little less than all that is left, so that the word on each address is not lost to the time limit.
        wire, finding = await steps.reach(self._addresses, self._left() - self._limit / 50, self._limit / 15)
        self._wires.append(wire)
        return finding

    async def _greet(self) -> Finding:
        """Read the greeting. If none comes, see on a second connection whether the port wants TLS at once."""
        settings = self._settings
        dialogue = self._dialogue = Dialogue(self._wires[-1])
        wants_starttls = settings.security is Security.TLS
        reading = asyncio.ensure_future(steps.greet(dialogue, settings.port, wants_starttls=wants_starttls))
        try:
            if settings.security is not Security.SSL:
                await self._wants_tls(reading, dialogue)
            status, finding = await reading
        finally:
            await _ended(reading)
        self._greeting = status.text
        return finding

    async def _wants_tls(self, reading: asyncio.Future[tuple[Status, Finding]], dialogue: Dialogue) -> None:
        await asyncio.wait([reading], timeout=min(self._limit / 5, self._left()))
        said_nothing = not reading.done() or (reading.exception() is not None and not dialogue.first_bytes)
        if not said_nothing:
            return
        address = dialogue.wire.address
        probe = asyncio.ensure_future(steps.speaks_tls(address, self._lenient, self._server))
        try:
            first: set[asyncio.Future[Any]] = {probe} if reading.done() else {probe, reading}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if probe.done() and probe.result() and not dialogue.first_bytes:
                raise StepFailed(*advice.starts_with_tls(self._settings.port))
        finally:
            await _ended(probe)

    async def _tls(self) -> Finding | None:
        settings, port = self._settings, self._settings.port
        if settings.security is Security.NONE:
            return None
        wire = self._wires[-1]
        if self._dialogue is not None:
            await steps.start_tls(self._dialogue, port)
        address = wire.address
        try:
            tls = await wire.secure(self._strict, self._server)
        except ssl.SSLCertVerificationError as error:
            return await self._untrusted(error, address)
        except OSError as error:
            if self._dialogue is None and wire.seen.startswith(b"*"):
                starttls = await steps.offers_starttls(address, min(self._left() / 2, _PROBE_SECONDS))
                raise StepFailed(*advice.plain_in_place_of_tls(wire.seen, port, offers_starttls=starttls)) from None
            raise StepFailed(*advice.tls_failure(error, wire.seen, port)) from None
        self._certificate = read_certificate(tls.getpeercert(True) or b"", datetime.now(UTC))
        found = self._certificate
        warning = ""
        if found is not None and found.expires_in_days < SOON_DAYS:
            warning = f"The administrator of {self._server} should renew the certificate before the migration ends."
        return Finding(f"{_protocol(tls)}; verified: {found.text if found else 'a certificate'}", warning)

    async def _untrusted(self, error: ssl.SSLCertVerificationError, address: Address) -> Finding:
        """Read the certificate on a second connection, and go on with that one if the user accepts it."""
        problem = problem_of(error)
        tls: ssl.SSLObject | None = None
        try:
            wire = await steps.connect(address)
            self._wires.append(wire)
            if self._dialogue is not None:
                self._dialogue = Dialogue(wire)
                await self._dialogue.greeting()
                await steps.start_tls(self._dialogue, self._settings.port)
            tls = await wire.secure(self._lenient, self._server)
            self._certificate = read_certificate(tls.getpeercert(True) or b"", datetime.now(UTC), problem)
        except (OSError, ProtocolError) as broken:
            if self._settings.accept_untrusted_certificates:
                raise StepFailed(*advice.tls_failure(OSError(str(broken)), b"", self._settings.port)) from None
        text, cure = explain(problem, error.verify_message, self._server, self._certificate)
        if self._certificate is not None:
            text = f"{text} - {self._certificate.text}"
        if not self._settings.accept_untrusted_certificates or tls is None:
            raise StepFailed(text, cure)
        return Finding(f"{_protocol(tls)}; not verified, but accepted as asked: {text}", f"{cure} {_ANYONE}")

    async def _ask(self) -> Finding:
        assert self._dialogue is not None
        self._capabilities = await steps.ask_capabilities(self._dialogue)
        return steps.judge(self._capabilities, self._settings.security, self._settings.authentication)

    async def _log_out(self) -> None:
        assert self._dialogue is not None
        try:
            async with asyncio.timeout(min(self._left(), _PROBE_SECONDS)):
                await self._dialogue.command("LOGOUT")
        except (OSError, ProtocolError):
            pass  # the question was answered

    # the end

    def close(self) -> None:
        """Close all connections."""
        for wire in self._wires:
            wire.close()

    def outcome(self) -> Availability:
        """Put the result together."""
        failure = self._failure
        message = detail = ""
        if failure is not None:
            name = next(step.name for step in self._steps if step.state == "failed")
            prefix = "TLS negotiation failed: " if name == "tls" and not failure.timed_out else ""
            detail = f"{prefix}{failure.text}"
            message = f"The connection to the server '{self._server}' could not be completed."
            if failure.timed_out:
                message = f"The connection to the server {self._server} timed out after {advice.duration(self._limit)}."
        caps = self._capabilities
        return Availability(
            result="Failed" if failure else "Success",
            message=message,
            error_detail=detail,
            tested_endpoint=self._server,
            steps=tuple(self._steps),
            certificate=self._certificate,
            capabilities=tuple(sorted(caps.names)),
            mechanisms=tuple(sorted(caps.auth_mechanisms)),
            software=detect(self._greeting, capabilities=caps).name if caps.known else "",
        )


_NO_ANSWER: dict[StepName, str] = {
    "dns": "the name servers did not answer in time",
    "tcp": "no address of the server answered in time",
    "tls": "the TLS handshake was not answered in time",
    "greeting": "the server accepted the connection, but did not greet in time",
    "capabilities": "the server did not tell its capabilities in time",
}
_ANYONE = "As long as the certificate is not checked, anyone on the way can pose as the server and read the passwords."


async def _ended(task: asyncio.Future[Any]) -> None:
    """Let go of the task's socket before that is closed."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _protocol(tls: ssl.SSLObject) -> str:
    cipher = tls.cipher()
    return f"{tls.version()}, {cipher[0] if cipher else 'no cipher'}"
