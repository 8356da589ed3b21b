"""From parsed arguments to what is to be done: everything is checked here, before anything is touched."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from mailferry.backends.registry import Location, mailbox_key, mailbox_lock_name
from mailferry.cli import wording
from mailferry.cli.locations import Given, parse_location
from mailferry.cli.passwords import Ask, Warn, with_password
from mailferry.errors import BadUsage, Side
from mailferry.records import dataclass

if TYPE_CHECKING:
    from mailferry.sync.folderfilter import FolderFilter
    from mailferry.sync.options import Options
    from mailferry.sync.received import ReceivedRange

MOST_CONNECTIONS = 32
NO_BOUND = "any"
"""In place of a date."""


@dataclass(frozen=True, slots=True)
class Output:
    """What is told, and where. Paths are None where none was given."""

    report: Path | None
    json: bool
    quiet: bool
    verbose: bool
    wire: Path | None


@dataclass(frozen=True, slots=True)
class Request:
    """What every command that opens two mailboxes has. `keys` name them in the ledger."""

    source: Location
    target: Location
    keys: tuple[str, str]
    state: Path
    output: Output


def make_request(
    arguments: argparse.Namespace, environment: Mapping[str, str], *, ask: Ask | None, warn: Warn
) -> Request:
    """Read what the commands share, and find or ask for the passwords. Raises BadUsage."""
    seconds = _positive_number(arguments.timeout, "--timeout") if arguments.timeout else None
    if arguments.ca_file:
        _check_readable(arguments.ca_file, "--ca-file")
    source, target = (
        parse_location(getattr(arguments, side.value), side, _given(arguments, side, seconds))
        for side in (Side.SOURCE, Side.TARGET)
    )
    keys = (mailbox_key(source), mailbox_key(target))
    if mailbox_lock_name(source) == mailbox_lock_name(target):
        raise BadUsage("The source and the target are the same mailbox.")
    output = _output(arguments)
    source = with_password(source, Side.SOURCE, arguments.source_password_file, environment, ask=ask, warn=warn)
    target = with_password(target, Side.TARGET, arguments.target_password_file, environment, ask=ask, warn=warn)
    return Request(source, target, keys, _state(arguments.state, keys), output)


def make_filter(arguments: argparse.Namespace) -> FolderFilter:
    """Read the folder lists. Raises BadUsage."""
    from mailferry.sync.folderfilter import FolderFilter

    try:
        return FolderFilter.parse(
            wording.split_list(arguments.include_folders), wording.split_list(arguments.exclude_folders)
        )
    except ValueError as error:
        raise BadUsage(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def make_range(arguments: argparse.Namespace) -> ReceivedRange:
    """Read the dates between which mail was received. Raises BadUsage."""
    from mailferry.sync.received import ReceivedRange

    return range_between(arguments.received_after, arguments.received_before, ReceivedRange())


def range_between(after_text: str | None, before_text: str | None, earlier: ReceivedRange) -> ReceivedRange:
    """Read dates; a bound that is not given is that of the earlier range. Raises BadUsage."""
    from mailferry.sync.received import ReceivedRange

    after = _moment(after_text, "--received-after", earlier.start)
    before = _moment(before_text, "--received-before", earlier.end)
    try:
        return ReceivedRange.between(after, before)
    except ValueError:
        raise BadUsage("--received-before must be later than --received-after.") from None


def _moment(text: str | None, option: str, earlier: int | None) -> datetime | None:
    """Read a day or a moment; without a zone it is UTC."""
    if text is None:
        return None if earlier is None else datetime.fromtimestamp(earlier, UTC)
    if text == NO_BOUND:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.year not in range(1900, 3000):
            raise ValueError("no mail is from then")
    except ValueError:
        raise BadUsage(f"{option} must be a date such as 2025-01-31, or 2025-01-31T08:00:00+01:00.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def check_options(arguments: argparse.Namespace) -> None:
    """Check what `make_options` reads, without loading the engine for the usual case. Raises BadUsage."""
    _limits(arguments)
    if arguments.include_folders or arguments.exclude_folders:
        make_filter(arguments)
    if (arguments.received_after, arguments.received_before) != (None, None):
        make_range(arguments)


def make_options(arguments: argparse.Namespace) -> Options:
    """Read what a pass is told. Raises BadUsage."""
    from mailferry.sync.options import Options, RepairLevel

    limits, usual = _limits(arguments), Options()
    return Options(
        filter=make_filter(arguments),
        max_message_bytes=limits.message_bytes or usual.max_message_bytes,
        max_items=limits.items or usual.max_items,
        received=make_range(arguments),
        mirror_deletions=arguments.mirror_deletions,
        full_flags=True,  # who runs the command wants it now
        newest_first=arguments.order == "newest-first",
        repair=cast("RepairLevel", arguments.repair),  # argparse knows the choices
        lanes=limits.lanes or usual.lanes,
    )


class _Limits(NamedTuple):
    """The numbers among the options; 0 where the default is wanted."""

    message_bytes: int
    items: int
    lanes: int


def _limits(arguments: argparse.Namespace) -> _Limits:
    size_bytes = 0
    if arguments.max_message_size:
        try:
            size_bytes = wording.parse_size(arguments.max_message_size)
        except ValueError as error:
            raise BadUsage(f"--max-message-size: {error}.") from None
    lanes = _whole(arguments.connections, "--connections")
    if lanes > MOST_CONNECTIONS:
        raise BadUsage(f"--connections is at most {MOST_CONNECTIONS}.")
    return _Limits(size_bytes, _whole(arguments.max_items, "--max-items"), lanes)


def _given(arguments: argparse.Namespace, side: Side, seconds: float | None) -> Given:
    def of(name: str) -> str:
        return str(getattr(arguments, f"{side.value}_{name}"))

    untrusted = arguments.accept_untrusted_certificates
    return Given(
        security=of("security"),
        user=of("user"),
        mechanism=of("auth"),
        authzid=of("authzid"),
        user_root=arguments.user_root if side is Side.SOURCE else "",
        accept_untrusted=untrusted or getattr(arguments, f"{side.value}_accept_untrusted_certificates"),
        ca_file=arguments.ca_file,
        timeout_seconds=seconds,
    )


def _output(arguments: argparse.Namespace) -> Output:
    if arguments.json and arguments.quiet:
        raise BadUsage("--json and --quiet contradict each other.")
    if arguments.verbose and arguments.quiet:
        raise BadUsage("--verbose and --quiet contradict each other.")
    report = Path(arguments.report) if arguments.report else None
    wire = Path(arguments.debug_wire) if arguments.debug_wire else None
    if report is not None:
        _check_writable(report, "--report")
    if wire is not None:
        _check_place(wire, "--debug-wire")  # it is opened before anything else happens
    return Output(report, arguments.json, arguments.quiet, arguments.verbose, wire)


def _state(given: str, keys: tuple[str, str]) -> Path:
    if given:
        path = Path(given)
        if path.is_dir():
            raise BadUsage(f"--state {given} is a folder; a file is wanted.")
        return path
    from mailferry.sync.lock import default_state_path

    return default_state_path(*keys)


def _check_place(path: Path, option: str) -> None:
    folder = path.absolute().parent
    if os.path.isdir(path):
        raise BadUsage(f"{option} {path} is a folder; a file is wanted.")
    if not os.path.isdir(folder):
        raise BadUsage(f"{option} {path}: there is no folder {folder}.")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise BadUsage(f"{option} {path} cannot be written.")


def _check_writable(path: Path, option: str) -> None:
    """Make the file that will take the place of `path`, and take it away again: hours may pass until then."""
    _check_place(path, option)
    if os.path.exists(path) and not os.path.isfile(path):
        return  # /dev/stdout, a pipe: it is written through
    fresh = beside(path)
    try:
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        fresh.unlink()
    except OSError as error:
        raise BadUsage(f"{option} {path} cannot be written: {error.strerror}.") from None


def beside(path: Path) -> Path:
    """Give the name under which a file is written before it takes the place of `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def _check_readable(path: str, option: str) -> None:
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise BadUsage(f"{option} {path} cannot be read.")


def _whole(text: str | None, option: str) -> int:
    """Read a whole number; 0 if there is none."""
    if text is None:
        return 0
    digits = text.replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdigit()) or not int(digits):
        raise BadUsage(f"{option} must be a whole number of at least 1.")
    return int(digits)


def _positive_number(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise BadUsage(f"{option} must be a number of seconds, more than 0 and less than a day.")
    return value
