"""From the arguments of `mailferry migrate` to what is to be done; checked before anything is touched."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mailferry.backends.registry import Location
from mailferry.cli import wording
from mailferry.cli.locations import Given, is_loopback, parse_location
from mailferry.cli.passwords import Ask, Warn, with_password
from mailferry.cli.requests import make_range, range_between
from mailferry.cli.service_arguments import DEFAULT_DATA
from mailferry.errors import BadUsage, Side
from mailferry.imap.values import Secret
from mailferry.migration.contentfilter import content_filter_text
from mailferry.migration.csvfile import MAX_BYTES, CsvFile, parse
from mailferry.migration.model import Authentication, EndpointRole, EndpointType, Security
from mailferry.service.batchsettings import LONGEST_NAME, BatchSettings
from mailferry.service.endpoints import EndpointSettings
from mailferry.sync.received import ReceivedRange

_SECURITY = {"none": Security.NONE, "ssl": Security.SSL, "tls": Security.TLS}
_SCHEMES = ("imaps", "imap+tls", "imap")
_SERVERS = "imaps://host, imap+tls://host or imap://host"
_OF_ONE_RUN = frozenset({"command", "commands", "csv", "name", "failures", "report", "watch", "json", "quiet"})
_OF_THE_BATCH = frozenset({"include_folders", "exclude_folders", "received_after", "received_before"})
"""Arguments that a resubmission does not need: it has its own, or the batch has them."""


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """An endpoint as the command line names it."""

    name: str
    type: EndpointType
    role: EndpointRole
    settings: EndpointSettings

    def __str__(self) -> str:
        given = self.settings
        return f"maildir:{given.path}" if given.path else f"{given.remote_server}:{given.port}"


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    """All that `mailferry migrate` needs. `resubmission` is the command that migrates the rows in `failures`."""

    csv_path: Path
    csv_data: bytes
    csv: CsvFile
    batch: str
    source: EndpointRequest
    target: EndpointRequest
    settings: BatchSettings
    received_after: str | None
    received_before: str | None
    data: Path
    failures: Path
    report: Path | None
    allow_unknown_columns: bool
    skip_verification: bool
    watch: bool
    json: bool
    quiet: bool
    workers: int | None
    resubmission: str

    def settings_for(self, earlier: ReceivedRange) -> BatchSettings:
        """Give what is to be set of a batch that is limited to a range already. Raises BadUsage."""
        if (self.received_after, self.received_before) == (None, None):
            return self.settings
        received = range_between(self.received_after, self.received_before, earlier)
        return replace(self.settings, content_filter=content_filter_text(received))


def make_request(
    arguments: argparse.Namespace, environment: Mapping[str, str], *, ask: Ask | None, warn: Warn
) -> MigrateRequest:
    """Read and check the arguments and the CSV. Raises BadUsage, CsvFileError."""
    path = Path(arguments.csv)
    data = _read(path)
    file = parse(data, allow_unknown_columns=arguments.allow_unknown_columns, filename=path.name)
    batch = arguments.name or path.stem[:LONGEST_NAME]
    if arguments.json and arguments.quiet:
        raise BadUsage("--json and --quiet contradict each other.")
    failures = Path(arguments.failures) if arguments.failures else path.with_name(f"{path.stem}.failures.csv")
    if failures.absolute() == path.absolute():
        raise BadUsage("--failures names the CSV itself.")
    for place in (failures, Path(arguments.report) if arguments.report else None):
        if place is not None and not os.access(place.absolute().parent, os.W_OK):
            raise BadUsage(f"{place} cannot be written: its folder is missing or read-only.")
    make_range(arguments)
    source, target = _source(arguments), _target(arguments, environment, ask=ask, warn=warn)
    if not arguments.quiet:
        for endpoint in (source, target):
            _warn_of_plain_text(endpoint, warn)
    return MigrateRequest(
        csv_path=path,
        csv_data=data,
        csv=file,
        batch=batch,
        source=source,
        target=target,
        settings=BatchSettings(  # None where nothing was said: a batch that is there keeps what it has
            include_folders=wording.split_list(arguments.include_folders) or None,
            exclude_folders=wording.split_list(arguments.exclude_folders) or None,
        ),
        received_after=arguments.received_after,
        received_before=arguments.received_before,
        data=Path(arguments.data),
        failures=failures,
        report=Path(arguments.report) if arguments.report else None,
        allow_unknown_columns=arguments.allow_unknown_columns,
        skip_verification=arguments.skip_verification,
        watch=arguments.watch,
        json=arguments.json,
        quiet=arguments.quiet,
        workers=arguments.workers,
        resubmission=_resubmission(arguments, failures, batch),
    )


def _resubmission(arguments: argparse.Namespace, failures: Path, batch: str) -> str:
    """Give the command that migrates the rows of the failures into the same batch, quoted for a shell."""
    words = ["mailferry", "migrate", str(failures), "--name", batch]
    for name, value in vars(arguments).items():
        if name in _OF_ONE_RUN | _OF_THE_BATCH or not value or (name, value) == ("data", DEFAULT_DATA):
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words.append(str(value))
    return shlex.join(words)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more tells that it is too large
    except OSError as error:
        raise BadUsage(f"The CSV {path} cannot be read: {error.strerror}.") from None


def _source(arguments: argparse.Namespace) -> EndpointRequest:
    location = _server(arguments.source, Side.SOURCE, arguments)
    settings = EndpointSettings(
        remote_server=location.host,
        port=location.port,
        security=_SECURITY[location.security],
        authentication=Authentication.PLAIN if arguments.source_auth_plain else Authentication.BASIC,
        accept_untrusted_certificates=arguments.accept_untrusted_certificates,
        max_concurrent_migrations=arguments.max_concurrent_migrations,
        max_concurrent_incremental_syncs=arguments.max_concurrent_incremental_syncs,
        max_connections_per_login=arguments.max_connections_per_login,
    )
    name = f"source {location.host}:{location.port}"
    return EndpointRequest(name, EndpointType.IMAP, EndpointRole.SOURCE, settings)


def _target(
    arguments: argparse.Namespace, environment: Mapping[str, str], *, ask: Ask | None, warn: Warn
) -> EndpointRequest:
    template, admin = arguments.target_user_template, arguments.target_admin
    if arguments.target.lower().startswith("maildir:"):
        location = parse_location(arguments.target, Side.TARGET, Given())
        if template or admin or arguments.target_password_file:
            raise BadUsage("The options for the target's login are for an IMAP server, and the target is a Maildir.")
        path = str(Path(location.path).absolute())
        return EndpointRequest(f"target {path}", EndpointType.MAILDIR, EndpointRole.TARGET, EndpointSettings(path=path))
    location = _server(arguments.target, Side.TARGET, arguments)
    password: Secret | None = None
    if template or admin:
        asked = Location("imap", host=location.host, port=location.port, user=admin or template)
        password = with_password(
            asked, Side.TARGET, arguments.target_password_file, environment, ask=ask, warn=warn
        ).password
    elif arguments.target_password_file:
        raise BadUsage("--target-password-file belongs to --target-user-template or --target-admin.")
    settings = EndpointSettings(
        remote_server=location.host,
        port=location.port,
        security=_SECURITY[location.security],
        accept_untrusted_certificates=arguments.accept_untrusted_certificates,
        user_template=template or None,
        admin_user=admin or None,
        password=password,
    )
    name = f"target {location.host}:{location.port}"
    return EndpointRequest(name, EndpointType.IMAP, EndpointRole.TARGET, settings)


def _server(text: str, side: Side, arguments: argparse.Namespace) -> Location:
    """Read the URL of a server, which names no user: the CSV does. The rules of TLS are those of `mailferry copy`."""
    option = f"--{side.value}"
    also = "" if side is Side.SOURCE else ", or maildir:FOLDER"
    scheme, colon, rest = text.partition("://")
    if scheme.lower() == "maildir" or text.lower().startswith("maildir:"):
        raise BadUsage(f"{option} is an IMAP server: write {_SERVERS}. (mailferry copy reads a Maildir.)")
    if not colon or scheme.lower() not in _SCHEMES:
        raise BadUsage(f"{option} must be {_SERVERS}{also}.")
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise BadUsage(f"{option} names a user; write {scheme}://host: the CSV has the users.")
    if path or "?" in authority or "#" in authority:
        raise BadUsage(
            f"{option} has something after the host; write {scheme}://host. Folders are chosen with --include-folders, "
            "and the column UserRoot of the CSV names where a mailbox begins."
        )
    security = getattr(arguments, f"{side.value}_security")
    return parse_location(text, side, Given(user="*", security=security))


def _warn_of_plain_text(endpoint: EndpointRequest, warn: Warn) -> None:
    """Say that passwords cross a network unprotected; within this machine they do not."""
    given = endpoint.settings
    if given.security is Security.NONE and not is_loopback(given.remote_server or ""):
        warn(
            f"The connection to {endpoint} is not encrypted: passwords and mail can be read on the way. "
            f"--{endpoint.role.value.lower()}-security tls or ssl protects them."
        )
