"""Settings of the whole service. They are stored as text; what is not stored has its default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mailferry.migration.model import DAY_SECONDS
from mailferry.service.errors import InvalidValue
from mailferry.sync.options import MAX_ITEMS, MAX_MESSAGE_BYTES

BIGGEST = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Config:
    """Times are seconds, sizes bytes.

    `incremental_interval_seconds`: from the end of one pass to the next incremental one. A pass that failed for a
    reason that may pass is tried again after `retry_seconds`, then twice that and so on up to `longest_retry_seconds`
    (or as long as the server asks for), `retry_attempts` times. `max_items` and `max_message_bytes` limit a mailbox.
    """

    incremental_interval_seconds: float = DAY_SECONDS
    max_number_of_batches: int = 100
    max_items: int = MAX_ITEMS
    max_message_bytes: int = MAX_MESSAGE_BYTES
    retry_attempts: int = 10
    retry_seconds: float = 30.0
    longest_retry_seconds: float = 1_800.0
    repair: str = "line-ends"

    @classmethod
    def from_settings(cls, stored: Mapping[str, str]) -> Config:
        """Read what the store has; unknown names are ignored (a newer version may have written them)."""
        known = kinds()
        return cls(**{name: known[name](value) for name, value in stored.items() if name in known})

    def checked(self) -> Config:
        """Give it back if every value can be used. Raises InvalidValue."""
        for name, value in asdict(self).items():
            if isinstance(value, str):
                if value not in ("none", "line-ends", "all"):
                    raise InvalidValue(f"{name} is none, line-ends or all, not {value!r}.", name=name)
            elif not 0 < value <= BIGGEST:  # not a number is refused too
                raise InvalidValue(f"{name} must be more than 0, and at most {BIGGEST:,}.", name=name)
        if self.longest_retry_seconds < self.retry_seconds:
            raise InvalidValue("longest_retry_seconds is less than retry_seconds.", name="longest_retry_seconds")
        return self


def kinds() -> dict[str, Callable[[str], Any]]:
    """Give what reads each setting from text, by name."""
    return {name: type(value) for name, value in asdict(Config()).items()}
