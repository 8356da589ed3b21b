"""What is sent in. Unknown fields are refused: a misspelt one would be lost without a word."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mailferry.api.fields import Base64, Flag, Moment, Priority, Seconds, Text, Whole, when_of
from mailferry.imap.values import Secret
from mailferry.migration.model import Authentication, EndpointRole, EndpointType, Security
from mailferry.service.availability import ServerSettings
from mailferry.service.batchsettings import BatchSettings, When
from mailferry.service.config import Config
from mailferry.service.endpoints import EndpointSettings
from mailferry.service.tokens import Role

MOST_LISTED = 1_000
MOST_USERS = 50_000
MOMENTS = ("start_after", "complete_after")


_CSV = b"EmailAddress,UserName,Password\nana@example.com,ana,her password\n"
_ENDPOINT: dict[str, Any] = {
    "name": "Old server",
    "remote_server": "imap.example.com",
    "port": 993,
    "security": "Ssl",
    "max_concurrent_migrations": 50,
    "max_concurrent_incremental_syncs": 25,
    "skip_verification": False,
}
_BATCH: dict[str, Any] = {
    "name": "First floor",
    "source_endpoint": "Old server",
    "csv_data": base64.b64encode(_CSV).decode(),
    "exclude_folders": ["#JunkEmail#"],
    "start_after": "2030-01-31T20:00:00Z",
    "auto_start": True,
}


class Sent(BaseModel):
    """The base of all that is sent in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class EndpointFields(Sent):
    """The settings of an endpoint. What is missing or null has its default, or stays as it was."""

    remote_server: Text | None = Field(None, description="Host name or address.")
    port: Whole | None = Field(None, description="993 for Ssl, 143 for Tls and None, if it is missing.")
    security: Security | None = None
    authentication: Authentication | None = None
    accept_untrusted_certificates: Flag | None = None
    max_concurrent_migrations: Whole | None = None
    max_concurrent_incremental_syncs: Whole | None = None
    max_connections_per_login: Whole | None = None
    path: Text | None = Field(None, description="The folder of a Maildir target.")
    user_template: Text | None = Field(None, description="Login names of an IMAP target, such as {user}*mailadmin.")
    admin_user: Text | None = Field(None, description="Log in as this one, and name the user as authzid.")
    password: Text | None = Field(None, description="The administrator's. It is never given back.", repr=False)
    is_default: Flag | None = Field(None, description="Make this the target of batches that name none.")
    skip_verification: Flag = Field(False, description="Save it without a test of the connection.")

    def settings(self) -> EndpointSettings:
        """Give them as the service takes them."""
        given = {name: getattr(self, name) for name in EndpointSettings.__dataclass_fields__}
        given["password"] = Secret(self.password) if self.password is not None else None
        return EndpointSettings(**given)


class NewEndpoint(EndpointFields):
    """An endpoint to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENDPOINT]})

    name: Text
    type: EndpointType = EndpointType.IMAP
    role: EndpointRole = EndpointRole.SOURCE


class AvailabilityRequest(Sent):
    """A server to be tested without an endpoint. Nothing is saved and nobody logs in."""

    remote_server: Text = Field(min_length=1)
    port: int = Field(993, ge=1, le=65_535, strict=True)
    security: Security = Security.SSL
    authentication: Authentication = Authentication.BASIC
    accept_untrusted_certificates: Flag = False

    def settings(self) -> ServerSettings:
        """Give them as the test takes them."""
        return ServerSettings(
            remote_server=self.remote_server,
            port=self.port,
            security=self.security,
            authentication=self.authentication,
            accept_untrusted_certificates=self.accept_untrusted_certificates,
        )


class BatchFields(Sent):
    """The settings of a batch. What is missing or null has its default, or stays as it was; but null for `start_after`
    or `complete_after` takes that moment away.
    """

    include_folders: list[Text] | None = Field(None, max_length=MOST_LISTED)
    exclude_folders: list[Text] | None = Field(None, max_length=MOST_LISTED)
    content_filter: Text | None = Field(
        None, description="Such as: Received -ge '2025-01-01' -and Received -lt '2026-01-01'; '' for all mail."
    )
    content_filter_language: Text | None = Field(None, description="How its dates are written: en-US, de-DE.")
    notification_emails: list[Text] | None = Field(None, max_length=MOST_LISTED)
    report_interval_seconds: Seconds | None = Field(None, description="0: never.")
    skip_reports: Flag | None = None
    time_zone: Text | None = Field(None, description="A name of the IANA database, such as Europe/Berlin.")
    priority: Priority | None = None
    start_after: Moment | None = None
    complete_after: Moment | None = None

    def settings(self) -> BatchSettings:
        """Give them as the service takes them."""
        given = {name: getattr(self, name) for name in BatchSettings.__dataclass_fields__}
        given |= {name: when_of(given[name], sent=name in self.model_fields_set) for name in MOMENTS}
        return BatchSettings(**given)


class NewBatch(BatchFields):
    """A batch to be made of a CSV, or of users of other batches."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BATCH]})

    name: Text
    source_endpoint: Text | None = Field(None, description="Name or GUID. With user_ids null: that of the users.")
    target_endpoint: Text | None = Field(
        None, description="Name or GUID; null: the default target, with user_ids that of the users."
    )
    csv_data: Base64 | None = Field(None, description="The CSV file, at most 10 MB, in base64.", repr=False)
    file_name: Text = ""
    auto_start: Flag = False
    allow_unknown_columns: Flag = False
    adopt_preexisting: Flag = Field(False, description="Take users of the CSV over who are in other batches.")
    remove_on_copy: Flag = Field(False, description="Leave nothing of those in their old batches.")
    user_ids: list[Text] | None = Field(
        None, max_length=MOST_USERS, description="In place of a CSV: users of other batches, by address or GUID."
    )
    disable_on_copy: Flag = Field(False, description="Stop those users in their old batches.")


class MoreUsers(Sent):
    """A CSV whose new users are added to a batch."""

    csv_data: Base64 = Field(description="The CSV file, at most 10 MB, in base64.", repr=False)
    file_name: Text = ""
    allow_unknown_columns: Flag = False


class UserFields(Sent):
    """The settings of one user, which go before those of the batch. What is missing stays as it was, and a null
    priority; null for `start_after` or `complete_after` takes that moment away.
    """

    priority: Priority | None = None
    start_after: Moment | None = None
    complete_after: Moment | None = None

    def moments(self) -> dict[str, When]:
        """Give the moments as the service takes them, by name."""
        return {name: when_of(getattr(self, name), sent=name in self.model_fields_set) for name in MOMENTS}


class ConfigFields(Sent):
    """Settings of the service. What is missing or null stays as it was."""

    incremental_interval_seconds: Seconds | None = None
    max_number_of_batches: Whole | None = None
    max_items: Whole | None = None
    max_message_bytes: Whole | None = None
    retry_attempts: Whole | None = None
    retry_seconds: Seconds | None = None
    longest_retry_seconds: Seconds | None = None
    repair: Text | None = None
    smtp_server: Text | None = Field(None, description="The mail server for reports; empty: none are sent.")
    smtp_port: Whole | None = None
    smtp_security: Security | None = None
    smtp_user: Text | None = Field(None, description="Empty: without a login.")
    smtp_password: Text | None = Field(None, description="It is never given back. Empty: none.", repr=False)
    smtp_from: Text | None = Field(None, description="The sender: an address, or a name and <address>.")
    smtp_ca_file: Text | None = Field(None, description="A file with the authorities that are trusted (PEM).")

    def changes(self) -> dict[str, object]:
        """Give what was sent, by name."""
        changes = self.model_dump(exclude_none=True)
        if self.smtp_password is not None:
            changes["smtp_password"] = Secret(self.smtp_password)
        return changes


class NewToken(Sent):
    """A token to be made."""

    name: Text
    role: Role = Role.VIEWER


assert set(ConfigFields.model_fields) == {*Config.__dataclass_fields__, "smtp_password"}
