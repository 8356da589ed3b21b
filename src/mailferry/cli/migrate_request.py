"""From the arguments of `mailferry migrate` to what is to be done; checked before anything is touched."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailferry.backends.registry import Location
from mailferry.cli import wording
from mailferry.cli.locations import Given, parse_location
from mailferry.cli.passwords import Ask, Warn, with_password
from mailferry.errors import BadUsage, Side
from mailferry.imap.values import Secret
from mailferry.migration.csvfile import MAX_BYTES, CsvFile, parse
from mailferry.migration.model import Authentication, EndpointRole, EndpointType, Security
from mailferry.service.batchsettings import LONGEST_NAME, BatchSettings
from mailferry.service.endpoints import EndpointSettings

_SECURITY = {"none": Security.NONE, "ssl": Security.SSL, "tls": Security.TLS}


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
    """All that `mailferry migrate` needs."""

    csv_path: Path
    csv_data: bytes
    csv: CsvFile
    batch: str
    source: EndpointRequest
    target: EndpointRequest
    settings: BatchSettings
    data: Path
    failures: Path
    report: Path | None
    allow_unknown_columns: bool
    skip_verification: bool
    watch: bool
    json: bool
    quiet: bool
    workers: int | None


def make_request(
    arguments: argparse.Namespace, environment: Mapping[str, str], *, ask: Ask | None, warn: Warn
) -> MigrateRequest:
    """Read and check the arguments and the CSV. Raises BadUsage, CsvFileError."""
    path = Path(arguments.csv)
    data = _read(path)
    file = parse(data, allow_unknown_columns=arguments.allow_unknown_columns, filename=path.name)
    batch = arguments.name or path.stem[:LONGEST_NAME]
    folders = [wording.split_list(arguments.include_folders), wording.split_list(arguments.exclude_folders)]
    if arguments.json and arguments.quiet:
        raise BadUsage("--json and --quiet contradict each other.")
    failures = Path(arguments.failures) if arguments.failures else path.with_name(f"{path.stem}.failures.csv")
    if failures.absolute() == path.absolute():
        raise BadUsage("--failures names the CSV itself.")
    for place in (failures, Path(arguments.report) if arguments.report else None):
        if place is not None and not os.access(place.absolute().parent, os.W_OK):
            raise BadUsage(f"{place} cannot be written: its folder is missing or read-only.")
    return MigrateRequest(
        csv_path=path,
        csv_data=data,
        csv=file,
        batch=batch,
        source=_source(arguments),
        target=_target(arguments, environment, ask=ask, warn=warn),
        settings=BatchSettings(include_folders=folders[0], exclude_folders=folders[1]),
        data=Path(arguments.data),
        failures=failures,
        report=Path(arguments.report) if arguments.report else None,
        allow_unknown_columns=arguments.allow_unknown_columns,
        skip_verification=arguments.skip_verification,
        watch=arguments.watch,
        json=arguments.json,
        quiet=arguments.quiet,
        workers=arguments.workers,
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more tells that it is too large
    except OSError as error:
        raise BadUsage(f"The CSV {path} cannot be read: {error.strerror}.") from None


def _source(arguments: argparse.Namespace) -> EndpointRequest:
    location = _server(arguments.source, Side.SOURCE, arguments)
    if location.kind != "imap":
        raise BadUsage("The source of a migration is an IMAP server: write imaps://host.")
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
    """Read the URL of a server, which names no user: the CSV does."""
    if re.match(r"[a-z+]+://[^/]*@", text, re.IGNORECASE):
        raise BadUsage(f"The {side.value} names a user; write imaps://host: the CSV has the users.")
    security = getattr(arguments, f"{side.value}_security")
    return parse_location(text, side, Given(user="*", security=security))
