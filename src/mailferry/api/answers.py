"""What is sent out: records and figures of the service with moments as RFC 3339 in UTC. None of them has a secret."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from mailferry.api.fields import moment
from mailferry.migration.model import Authentication, Endpoint, EndpointRole, EndpointType, Security
from mailferry.service.availability import Availability, StepName, StepState
from mailferry.service.tokens import Role, TokenView


class Answer(BaseModel):
    """The base of all that is sent out."""

    model_config = ConfigDict(frozen=True)


class EndpointAnswer(Answer):
    """An endpoint without its password."""

    guid: str
    name: str
    type: EndpointType
    role: EndpointRole
    remote_server: str
    port: int
    security: Security
    authentication: Authentication
    accept_untrusted_certificates: bool
    max_concurrent_migrations: int
    max_concurrent_incremental_syncs: int
    max_connections_per_login: int
    path: str
    user_template: str
    admin_user: str
    is_default: bool
    created_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> EndpointAnswer:
        """Show an endpoint."""
        return cls(
            guid=endpoint.guid,
            name=endpoint.name,
            type=endpoint.type,
            role=endpoint.role,
            remote_server=endpoint.remote_server,
            port=endpoint.port,
            security=endpoint.security,
            authentication=endpoint.authentication,
            accept_untrusted_certificates=endpoint.accept_untrusted_certificates,
            max_concurrent_migrations=endpoint.max_migrations,
            max_concurrent_incremental_syncs=endpoint.max_incremental_syncs,
            max_connections_per_login=endpoint.max_per_login,
            path=endpoint.path,
            user_template=endpoint.user_template,
            admin_user=endpoint.admin_user,
            is_default=endpoint.is_default,
            created_at=moment(endpoint.created_at),
            changed_at=moment(endpoint.changed_at),
        )


class StepAnswer(Answer):
    """One step of a test."""

    name: StepName
    state: StepState
    text: str
    advice: str
    milliseconds: int


class CertificateAnswer(Answer):
    """A server's certificate. `problem`: why it is not trusted; null: it is."""

    subject: str
    issuer: str
    names: list[str]
    not_before: datetime
    not_after: datetime
    expires_in_days: int
    key: str
    self_issued: bool
    problem: str | None


class AvailabilityAnswer(Answer):
    """The result of a test. A server that fails it is an answer too, with status 200."""

    result: str
    message: str
    error_detail: str
    tested_endpoint: str
    supports_cutover: bool
    steps: list[StepAnswer]
    certificate: CertificateAnswer | None
    capabilities: list[str]
    mechanisms: list[str]
    software: str

    @classmethod
    def of(cls, found: Availability) -> AvailabilityAnswer:
        """Show a result."""
        return cls.model_validate(asdict(found))


class StatisticsAnswer(Answer):
    """Totals over all batches."""

    batches: int
    total: int
    active: int
    synced: int
    finalized: int
    failed: int
    stopped: int
    items_synced: int
    bytes_synced: int


class ConfigAnswer(Answer):
    """The settings of the service, without the password of the mail server."""

    incremental_interval_seconds: float
    max_number_of_batches: int
    max_items: int
    max_message_bytes: int
    retry_attempts: int
    retry_seconds: float
    longest_retry_seconds: float
    repair: str
    smtp_server: str
    smtp_port: int
    smtp_security: Security
    smtp_user: str
    smtp_from: str
    smtp_ca_file: str


class TokenAnswer(Answer):
    """A token, without the token."""

    name: str
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, token: TokenView) -> TokenAnswer:
        """Show a token's name and role."""
        return cls(name=token.name, role=token.role, created_at=moment(token.created_at))


class NewTokenAnswer(TokenAnswer):
    """A token that was just made. This is the only answer that ever shows it."""

    token: str
