"""The nouns of the service, as frozen records. Moments are seconds since 1970, UTC (float); sizes are bytes.

A record is what the store holds, without secrets: those are asked for by name, where a connection is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mailferry.migration.states import BatchStatus, PassKind, UserStatus

DAY_SECONDS = 86_400.0


class EndpointType(StrEnum):
    """What stands at the other end. The values are the service's spelling."""

    IMAP = "IMAP"
    MAILDIR = "Maildir"


class EndpointRole(StrEnum):
    """Whether mail is fetched from an endpoint or brought to it."""

    SOURCE = "Source"
    TARGET = "Target"


class Security(StrEnum):
    """How a connection is protected: not at all, by TLS from the first byte, or by STARTTLS."""

    NONE = "None"
    SSL = "Ssl"
    TLS = "Tls"


class Authentication(StrEnum):
    """`Basic`: a name and a password, by whatever mechanism the server offers. `Plain`: SASL PLAIN."""

    BASIC = "Basic"
    PLAIN = "Plain"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server or an archive folder, with the settings of its connections and its limits.

    `max_migrations`: passes of all kinds that may have a mailbox of this endpoint open at once;
    `max_incremental_syncs`: those among them that are incremental or completing; `max_per_login`: those under one login
    name (an administrator's login may be shared by all users). 0: no limit.

    For a target of type IMAP `user_template` makes the login name (`{address}`, `{local}`, `{domain}`); `{user}` is
    the same as `{address}`. `admin_user` given: log in as that one by SASL PLAIN, and name the user as authzid. Either
    needs the endpoint's own secret; without them each user brings a password (`TargetPassword` in the CSV).
    """

    id: int
    guid: str
    name: str
    type: EndpointType
    role: EndpointRole
    remote_server: str = ""
    port: int = 0
    security: Security = Security.SSL
    authentication: Authentication = Authentication.BASIC
    accept_untrusted_certificates: bool = False
    max_migrations: int = 20
    max_incremental_syncs: int = 10
    max_per_login: int = 8
    path: str = ""
    user_template: str = ""
    admin_user: str = ""
    is_default: bool = False
    created_at: float = 0.0
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Users who are migrated together, with their common settings.

    `start_after`, `complete_after`: not before; None: at once, or by hand. `content_filter` as it was written, with its
    culture, means mail received at `received_start` or later and before `received_end`; None: no such bound. Numbers of
    users are not here: they are counted (`Counts`).
    """

    id: int
    guid: str
    name: str
    status: BatchStatus
    source_endpoint_id: int
    target_endpoint_id: int
    source_endpoint: str = ""
    target_endpoint: str = ""
    priority: int = 0
    include_folders: tuple[str, ...] = ()
    exclude_folders: tuple[str, ...] = ()
    content_filter: str = ""
    content_filter_language: str = ""
    received_start: float | None = None
    received_end: float | None = None
    notification_emails: tuple[str, ...] = ()
    report_interval_seconds: float = DAY_SECONDS
    skip_reports: bool = False
    time_zone: str = "UTC"
    submitted_by: str = ""
    message: str = ""
    start_after: float | None = None
    complete_after: float | None = None
    created_at: float = 0.0
    started_at: float | None = None
    initial_synced_at: float | None = None
    last_synced_at: float | None = None
    finalized_at: float | None = None
    status_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a mailbox is. `found` counts the messages of the included folders on the source that the content filter
    lets through, also those that were deleted there after they had been synced; `had` those that were on the target
    before the first pass; `bytes_found` is an estimate until all is copied.
    """

    found: int = 0
    synced: int = 0
    skipped: int = 0
    had: int = 0
    bytes_found: int = 0
    bytes_synced: int = 0
    folders: int = 0
    folders_done: int = 0
    folder: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds spent in each part of a migration, up to the last change of the status."""

    queued: float = 0.0
    in_progress: float = 0.0
    synced: float = 0.0
    stalled: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a user failed or waits: what happened, on which side (`source`, `target`, `local`), and who must do what."""

    code: str = ""
    text: str = ""
    side: str = ""
    advice: str = ""
    retry: str = ""
    at: float | None = None

    def __bool__(self) -> bool:
        return bool(self.code)


@dataclass(frozen=True, slots=True)
class User:
    """One mailbox of a batch.

    `next_kind` and `due_at`: the pass that runs next, and not before when; None: none until someone asks for it.
    `claimed_by` is the worker that runs a pass now ('' none), `fence` counts the claims. `attempts`: failed passes in
    a row that may be tried again.
    """

    id: int
    guid: str
    batch_id: int
    batch: str
    endpoint_id: int
    email_address: str
    user_name: str
    status: UserStatus
    user_root: str = ""
    target_user: str = ""
    priority: int = 0
    next_kind: PassKind | None = None
    due_at: float | None = None
    running_kind: PassKind | None = None
    claimed_by: str = ""
    fence: int = 0
    attempts: int = 0
    start_after: float | None = None
    complete_after: float | None = None
    progress: Progress = field(default_factory=Progress)
    durations: Durations = field(default_factory=Durations)
    failure: Failure = field(default_factory=Failure)
    stalled_reason: str = ""
    consistency: str = ""
    created_at: float = 0.0
    status_at: float = 0.0
    updated_at: float = 0.0
    initial_synced_at: float | None = None
    last_synced_at: float | None = None
    completed_at: float | None = None
    bytes_per_minute: float = 0.0


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """A message that was not copied as it was, with the reason. `kind` is the class, `date` INTERNALDATE or None."""

    folder: str
    uid: int
    kind: str
    code: str = ""
    reason: str = ""
    subject: str = ""
    message_id: str = ""
    date: float | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One line of a user's report: what happened, when. `level`: info, warning, error."""

    at: float
    level: str
    text: str
