"""Settings of the whole service. They are stored as text; what is not stored has its default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mailferry.migration.model import DAY_SECONDS, Security
from mailferry.service.errors import InvalidValue
from mailferry.service.mailmessage import sender_of
from mailferry.sync.options import MAX_ITEMS, MAX_MESSAGE_BYTES

BIGGEST = 1_000_000_000_000
LAST_PORT = 65_535
LONGEST_TEXT = 1_000
CHOICES: Mapping[str, tuple[str, ...]] = {
    "repair": ("none", "line-ends", "all"),
    "smtp_security": tuple(security.value for security in Security),
}


@dataclass(frozen=True, slots=True)
class Config:
    """Times are seconds, sizes bytes.

    `incremental_interval_seconds`: from the end of one pass to the next incremental one. A pass that failed for a
    reason that may pass is tried again after `retry_seconds`, then twice that and so on up to `longest_retry_seconds`
    (or as long as the server asks for), `retry_attempts` times. `max_items` and `max_message_bytes` limit a mailbox.
    `smtp_*`: the mail server for reports ('' as `smtp_server`: none are sent); the password is stored as a secret.
    """

    incremental_interval_seconds: float = DAY_SECONDS
    max_number_of_batches: int = 100
    max_items: int = MAX_ITEMS
    max_message_bytes: int = MAX_MESSAGE_BYTES
    retry_attempts: int = 10
    retry_seconds: float = 30.0
    longest_retry_seconds: float = 1_800.0
    repair: str = "line-ends"
    smtp_server: str = ""
    smtp_port: int = 587
    smtp_security: str = "Tls"
    smtp_user: str = ""
    smtp_from: str = ""
    smtp_ca_file: str = ""

    @classmethod
    def from_settings(cls, stored: Mapping[str, str]) -> Config:
        """Read what the store has; unknown names are ignored (a newer version may have written them)."""
        known = kinds()
        return cls(**{name: known[name](value) for name, value in stored.items() if name in known})

    def checked(self) -> Config:
        """Give it back if every value can be used. Raises InvalidValue."""
        for name, value in asdict(self).items():
            if name in CHOICES:
                if value not in CHOICES[name]:
                    raise InvalidValue(f"{name} is {_listed(CHOICES[name])}, not {value!r}.", name=name)
            elif isinstance(value, str):
                if len(value) > LONGEST_TEXT or not value.isprintable():
                    raise InvalidValue(f"{name} has at most {LONGEST_TEXT} characters, which can be seen.", name=name)
            elif not 0 < value <= BIGGEST:  # not a number is refused too
                raise InvalidValue(f"{name} must be more than 0, and at most {BIGGEST:,}.", name=name)
        if self.longest_retry_seconds < self.retry_seconds:
            raise InvalidValue("longest_retry_seconds is less than retry_seconds.", name="longest_retry_seconds")
        return self._with_mail_checked()

    def _with_mail_checked(self) -> Config:
        if self.smtp_port > LAST_PORT:
            raise InvalidValue(f"A port is 1 to {LAST_PORT}, not {self.smtp_port}.", name="smtp_port")
        if any(c.isspace() or c in "/@" for c in self.smtp_server):
            raise InvalidValue(f"{self.smtp_server!r} is no host name.", name="smtp_server")
        if self.smtp_from and sender_of(self.smtp_from) is None:
            raise InvalidValue("smtp_from is an address, or a name and <address>.", name="smtp_from")
        if self.smtp_server and not self.smtp_from:
            raise InvalidValue("Mails need a sender: give smtp_from with smtp_server.", name="smtp_from")
        if self.smtp_user and self.smtp_security == "None":
            raise InvalidValue(
                "A login needs Tls or Ssl: without them the password would cross the network unprotected.",
                name="smtp_security",
            )
        return self


def kinds() -> dict[str, Callable[[str], Any]]:
    """Give what reads each setting from text, by name."""
    return {name: type(value) for name, value in asdict(Config()).items()}


def _listed(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
