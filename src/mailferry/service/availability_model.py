"""What an availability test is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailferry.migration.model import Authentication, Security
from mailferry.service.availability_certificate import Certificate

StepName = Literal["dns", "tcp", "tls", "greeting", "capabilities"]
StepState = Literal["passed", "failed", "warning", "skipped"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What an endpoint of type IMAP would have. `ca_file` holds authorities to trust in place of the system's.

    Raises ValueError for a port that is none.
    """

    remote_server: str
    port: int = 993
    security: Security = Security.SSL
    authentication: Authentication = Authentication.BASIC
    accept_untrusted_certificates: bool = False
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.port < 65_536:
            raise ValueError(f"a port is a number from 1 to 65535, not {self.port}")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried. `advice` says who must do what, for `failed` and `warning`."""

    name: StepName
    state: StepState
    text: str
    advice: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Availability:
    """The result; the first fields are those of the service. `steps` stand in the order in which they were tried.

    `capabilities` are those before a login; `software` is a guess from the greeting, or ''. `supports_cutover` is never
    true of IMAP.
    """

    result: Literal["Success", "Failed"]
    message: str
    error_detail: str
    tested_endpoint: str
    steps: tuple[Step, ...]
    supports_cutover: bool = False
    certificate: Certificate | None = None
    capabilities: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    software: str = ""

    @property
    def succeeded(self) -> bool:
        """True if the settings can be used; steps may still have warnings."""
        return self.result == "Success"

    @property
    def advice(self) -> tuple[str, ...]:
        """What somebody must do, or had better do, in the order of the steps."""
        return tuple(step.advice for step in self.steps if step.advice)

    def step(self, name: StepName) -> Step:
        """Give one step."""
        return next(step for step in self.steps if step.name == name)
