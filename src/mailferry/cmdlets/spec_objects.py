"""The objects that the cmdlets give: the names that Exchange prints, and the fields of the API they come from."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_model import ObjectKind, Property, Shape
from mailferry.cmdlets.spec_user_objects import SKIPPED_ITEM, USER, USER_STATISTICS

S = Shape


def _flat(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


ENDPOINT = ObjectKind(
    "MigrationEndpoint",
    "migration endpoint",
    (
        Property("Identity", "name"),
        Property("Guid", "guid"),
        Property("EndpointType", "type"),
        Property("Role", "role"),
        Property("RemoteServer", "remote_server"),
        Property("Port", "port", S.NUMBER),
        Property("Security", "security"),
        Property("Authentication", "authentication"),
        Property("AcceptUntrustedCertificates", "accept_untrusted_certificates", S.FLAG),
        Property("MaxConcurrentMigrations", "max_concurrent_migrations", S.NUMBER),
        Property("MaxConcurrentIncrementalSyncs", "max_concurrent_incremental_syncs", S.NUMBER),
        Property("MaxConnectionsPerLogin", "max_connections_per_login", S.NUMBER),
        Property("Path", "path"),
        Property("UserTemplate", "user_template"),
        Property("AdminUser", "admin_user"),
        Property("DefaultTarget", "is_default", S.FLAG),
        Property("UseAutoDiscover", shape=S.CONSTANT, constant=False),
        Property("WhenCreated", "created_at", S.MOMENT),
        Property("LastModifiedTime", "changed_at", S.MOMENT),
    ),
    _flat("Identity", "EndpointType", "Role", "RemoteServer"),
)

BATCH = ObjectKind(
    "MigrationBatch",
    "migration batch",
    (
        Property("Identity", "name"),
        Property("BatchGuid", "guid"),
        Property("Status", "status"),
        Property("MigrationType", shape=S.CONSTANT, constant="IMAP"),
        Property("BatchDirection", shape=S.CONSTANT, constant="Onboarding"),
        Property("SourceEndpoint", "source_endpoint"),
        Property("TargetEndpoint", "target_endpoint"),
        Property("TotalCount", "total", S.NUMBER),
        Property("ActiveCount", "active", S.NUMBER),
        Property("SyncedCount", "synced", S.NUMBER),
        Property("FinalizedCount", "finalized", S.NUMBER),
        Property("FailedCount", "failed", S.NUMBER),
        Property("StoppedCount", "stopped", S.NUMBER),
        Property("ValidationWarningCount", "row_errors", S.NUMBER),
        Property("PercentageSynced", "percentage", S.NUMBER),
        Property("TotalItemCount", "items_found", S.NUMBER),
        Property("SyncedItemCount", "items_synced", S.NUMBER),
        Property("SkippedItemCount", "items_skipped", S.NUMBER),
        Property("EstimatedTotalTransferSize", "bytes_found", S.SIZE),
        Property("BytesTransferred", "bytes_synced", S.SIZE),
        Property("DataConsistencyScore", "consistency", S.GRADE),
        Property("CreationDateTime", "created_at", S.MOMENT),
        Property("StartDateTime", "started_at", S.MOMENT),
        Property("InitialSyncDateTime", "initial_synced_at", S.MOMENT),
        Property("LastSyncedDateTime", "last_synced_at", S.MOMENT),
        Property("FinalizedDateTime", "finalized_at", S.MOMENT),
        Property("StartAfter", "start_after", S.MOMENT),
        Property("StartAfterUTC", "start_after", S.MOMENT),
        Property("CompleteAfter", "complete_after", S.MOMENT),
        Property("CompleteAfterUTC", "complete_after", S.MOMENT),
        Property("IncludedFolders", "include_folders", S.LIST),
        Property("ExcludedFolders", "exclude_folders", S.LIST),
        Property("ContentFilter", "content_filter"),
        Property("ContentFilterLanguage", "content_filter_language"),
        Property("NotificationEmails", "notification_emails", S.LIST),
        Property("ReportInterval", "report_interval_seconds", S.SECONDS),
        Property("SkipReports", "skip_reports", S.FLAG),
        Property("UserTimeZone", "time_zone"),
        Property("Priority", "priority", S.NUMBER),
        Property("SubmittedByUser", "submitted_by"),
        Property("Message", "message"),
        Property("Report", "row_error_list", S.LINES, "line {line}: {message}", "(shown with -IncludeReport)"),
    ),
    (("Identity", "Identity"), ("Status", "Status"), ("Type", "MigrationType"), ("TotalCount", "TotalCount")),
)

AVAILABILITY = ObjectKind(
    "MigrationServerAvailability",
    "test of a server",
    (
        Property("Result", "result"),
        Property("Message", "message"),
        Property("SupportsCutover", "supports_cutover", S.FLAG),
        Property("ErrorDetail", "error_detail"),
        Property("TestedEndpoint", "tested_endpoint"),
        Property("Steps", "steps", S.LINES, "{name}: {state}, {text}"),
        Property("Advice", "steps", S.LINES, "{advice}"),
        Property("Software", "software"),
        Property("Capabilities", "capabilities", S.LIST),
        Property("Mechanisms", "mechanisms", S.LIST),
        Property("CertificateSubject", "certificate.subject"),
        Property("CertificateIssuer", "certificate.issuer"),
        Property("CertificateExpires", "certificate.not_after", S.MOMENT),
        Property("CertificateProblem", "certificate.problem"),
        Property("Identity", shape=S.CONSTANT, constant=""),
        Property("IsValid", shape=S.CONSTANT, constant=True),
        Property("ObjectState", shape=S.CONSTANT, constant="New"),
    ),
)

STATISTICS = ObjectKind(
    "MigrationStatistics",
    "statistics",
    (
        Property("Identity", shape=S.CONSTANT, constant="MigrationStatistics"),
        Property("BatchCount", "batches", S.NUMBER),
        Property("TotalCount", "total", S.NUMBER),
        Property("ActiveCount", "active", S.NUMBER),
        Property("SyncedCount", "synced", S.NUMBER),
        Property("FinalizedCount", "finalized", S.NUMBER),
        Property("FailedCount", "failed", S.NUMBER),
        Property("StoppedCount", "stopped", S.NUMBER),
        Property("SyncedItemCount", "items_synced", S.NUMBER),
        Property("BytesTransferred", "bytes_synced", S.SIZE),
        Property("MigrationType", shape=S.CONSTANT, constant="IMAP"),
    ),
)

CONFIG = ObjectKind(
    "MigrationConfig",
    "settings of the service",
    (
        Property("Identity", shape=S.CONSTANT, constant="MigrationConfig"),
        Property("MaxNumberOfBatches", "max_number_of_batches", S.NUMBER),
        Property("IncrementalSyncInterval", "incremental_interval_seconds", S.SECONDS),
        Property("MaxItemsPerMailbox", "max_items", S.NUMBER),
        Property("MaxMessageSize", "max_message_bytes", S.SIZE),
        Property("RetryAttempts", "retry_attempts", S.NUMBER),
        Property("RetryInterval", "retry_seconds", S.SECONDS),
        Property("MaxRetryInterval", "longest_retry_seconds", S.SECONDS),
        Property("Repair", "repair"),
        Property("SmtpServer", "smtp_server"),
        Property("SmtpPort", "smtp_port", S.NUMBER),
        Property("SmtpSecurity", "smtp_security"),
        Property("SmtpUser", "smtp_user"),
        Property("SmtpFrom", "smtp_from"),
        Property("SmtpCaFile", "smtp_ca_file"),
        Property("Features", shape=S.CONSTANT, constant="MultiBatch, Endpoints"),
        Property("CanSubmitNewBatch", shape=S.CONSTANT, constant=True),
        Property("SupportsCutover", shape=S.CONSTANT, constant=False),
        Property("IsValid", shape=S.CONSTANT, constant=True),
    ),
)

REPORT_ROW = ObjectKind("MigrationReportRow", "row of a report", ())
"""The properties are the columns of the CSV."""

ACCEPTED_DOMAIN = ObjectKind(
    "AcceptedDomain",
    "accepted domain",
    (
        Property("Identity", "name"),
        Property("Name", "name"),
        Property("DomainName", "domain_name"),
        Property("DomainType", "domain_type"),
        Property("Default", "is_default", S.FLAG),
        Property("WhenCreated", "created_at", S.MOMENT),
    ),
    _flat("Name", "DomainName", "DomainType", "Default"),
)

MAILBOX = ObjectKind(
    "Mailbox",
    "mailbox",
    (
        Property("Identity", "email_address"),
        Property("Name", "name"),
        Property("DisplayName", "name"),
        Property("PrimarySmtpAddress", "email_address"),
        Property("RecipientTypeDetails", shape=S.CONSTANT, constant="UserMailbox"),
        Property("TargetEndpoint", "endpoint"),
        Property("Path", "path"),
        Property("MigrationBatch", "batch"),
        Property("MigrationStatus", "status"),
    ),
    _flat("Name", "PrimarySmtpAddress", "TargetEndpoint", "MigrationStatus"),
)

OBJECT_KINDS: Final = (
    ENDPOINT,
    BATCH,
    USER,
    USER_STATISTICS,
    SKIPPED_ITEM,
    AVAILABILITY,
    STATISTICS,
    CONFIG,
    REPORT_ROW,
    ACCEPTED_DOMAIN,
    MAILBOX,
)


def object_kind(name: str) -> ObjectKind:
    """Give a kind by its name. Raises KeyError."""
    return {kind.name: kind for kind in OBJECT_KINDS}[name]
