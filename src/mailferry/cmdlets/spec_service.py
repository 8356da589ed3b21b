"""The cmdlets of the whole service. See `spec.py`."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_common import DIAGNOSTIC_INFO, PARTITION, UNUSED_IDENTITY, identity
from mailferry.cmdlets.spec_endpoints import AUTHENTICATION, NTLM, SECURITY
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Example, Parameter, ValueType

T = ValueType
AVAILABILITY = "MigrationServerAvailability"

TEST_AVAILABILITY = Cmdlet(
    "Test",
    "MigrationServerAvailability",
    "Tests whether a server can be reached with these settings.",
    "The name is looked up, the port connected, TLS agreed on, and the greeting read, within 15 seconds. Nobody logs "
    "in and nothing is saved. If it succeeds, use the same settings for the endpoint.",
    (
        Parameter("IMAP", T.SWITCH, "An IMAP server.", mandatory=True, sets=("IMAP",)),
        Parameter("RemoteServer", T.FQDN, "The host name of the server.", mandatory=True, sets=("IMAP",)),
        Parameter(
            "Port",
            T.INT,
            "The port: 993 for Ssl, 143 for Tls and None.",
            mandatory=True,
            least=1,
            most=65_535,
            sets=("IMAP",),
        ),
        Parameter(
            "Security",
            T.CHOICE,
            "TLS from the start (Ssl), by STARTTLS (Tls), or none.",
            SECURITY,
            default="Ssl",
            sets=("IMAP",),
        ),
        Parameter(
            "Authentication",
            T.CHOICE,
            "How the users would log in. NTLM is not there.",
            AUTHENTICATION,
            default="Basic",
            sets=("IMAP",),
            refused=NTLM,
        ),
        Parameter("AcceptUntrustedCertificates", T.SWITCH, "Take any certificate.", sets=("IMAP",)),
        Parameter(
            "Endpoint",
            T.STRING,
            "Test this endpoint, with its settings.",
            mandatory=True,
            sets=("Endpoint",),
            position=0,
            pipeline=True,
            aliases=("Identity",),
        ),
        PARTITION,
    ),
    (
        Call("POST", "/endpoints/{Endpoint}/test", Answer.ONE, AVAILABILITY, given=("Endpoint",)),
        Call(
            "POST",
            "/availability",
            Answer.ONE,
            AVAILABILITY,
            body={
                "RemoteServer": "remote_server",
                "Port": "port",
                "Security": "security",
                "Authentication": "authentication",
                "AcceptUntrustedCertificates": "accept_untrusted_certificates",
            },
            absent=("Endpoint",),
        ),
    ),
    AVAILABILITY,
    ("IMAP", "Endpoint"),
    (
        Example(
            "Test-MigrationServerAvailability -IMAP -RemoteServer imap.contoso.com -Port 993 -Security Ssl",
            "Tests a server.",
        ),
        Example("Test-MigrationServerAvailability -Endpoint IMAPEndpoint", "Tests an endpoint."),
    ),
    ("The answer also has each step, what to do about it, and the certificate.",),
)

GET_STATISTICS = Cmdlet(
    "Get",
    "MigrationStatistics",
    "Shows the totals over all batches.",
    "Shows how many users are in which state, and how much was copied.",
    (UNUSED_IDENTITY, DIAGNOSTIC_INFO, PARTITION),
    (Call("GET", "/statistics", Answer.ONE, "MigrationStatistics"),),
    "MigrationStatistics",
    examples=(Example("Get-MigrationStatistics | Format-List", "Shows all totals."),),
)

GET_CONFIG = Cmdlet(
    "Get",
    "MigrationConfig",
    "Shows the settings of the service.",
    "Shows limits, intervals, and how often a failed pass is tried again.",
    (
        UNUSED_IDENTITY,
        Parameter("AllPartitions", T.SWITCH, "Taken, without effect.", without_effect=True),
        PARTITION,
    ),
    (Call("GET", "/config", Answer.ONE, "MigrationConfig"),),
    "MigrationConfig",
    examples=(Example("Get-MigrationConfig | Format-List Max*", "Shows the limits."),),
    differs=("The settings are those of this service.",),
)

_MAIL_SERVER: Final = (
    Parameter(
        "SmtpServer",
        T.STRING,
        "The mail server that reports are sent by. Empty: none are sent.",
        ours=True,
        may_be_empty=True,
    ),
    Parameter("SmtpPort", T.INT, "Its port.", default="587", least=1, most=65_535, ours=True),
    Parameter(
        "SmtpSecurity",
        T.CHOICE,
        "STARTTLS (Tls), TLS from the start (Ssl), or none; a login needs one of the two.",
        SECURITY,
        default="Tls",
        ours=True,
    ),
    Parameter("SmtpUser", T.STRING, "The login name. Empty: without a login.", ours=True, may_be_empty=True),
    Parameter(
        "SmtpPassword",
        T.SECURE_STRING,
        "The password, a SecureString. It is forgotten when the server or the login name changes and it is not given "
        "again.",
        ours=True,
    ),
    Parameter("SmtpFrom", T.STRING, "The sender: an address, or a name and <address>.", ours=True, may_be_empty=True),
    Parameter(
        "SmtpCaFile",
        T.STRING,
        "A file of the service's machine with the authorities that are trusted (PEM). Empty: those of the machine.",
        ours=True,
        may_be_empty=True,
    ),
)
"""The mail server of the reports."""

SET_CONFIG = Cmdlet(
    "Set",
    "MigrationConfig",
    "Changes settings of the service.",
    "They hold from the next pass of each user.",
    (
        Parameter("MaxNumberOfBatches", T.INT, "How many batches there may be.", least=1),
        Parameter("IncrementalSyncInterval", T.TIME_SPAN, "Time from the end of a sync to the next one.", ours=True),
        Parameter(
            "MaxItemsPerMailbox", T.INT, "How many messages of a mailbox are copied at most.", least=1, ours=True
        ),
        Parameter("MaxMessageSize", T.SIZE, "Larger messages are skipped; such as 35MB.", least=1, ours=True),
        Parameter(
            "RetryAttempts",
            T.INT,
            "How often a pass is tried again that failed for a reason that may pass.",
            least=1,
            ours=True,
        ),
        Parameter(
            "RetryInterval", T.TIME_SPAN, "Time up to the first retry; it doubles from one to the next.", ours=True
        ),
        Parameter("MaxRetryInterval", T.TIME_SPAN, "The longest time between two retries.", ours=True),
        Parameter(
            "Repair",
            T.CHOICE,
            "What may be mended in a message that the target refuses.",
            ("none", "line-ends", "all"),
            ours=True,
        ),
        *_MAIL_SERVER,
        Parameter(
            "MaxConcurrentMigrations",
            T.UNLIMITED,
            "Taken, without effect: the limits are the endpoints'.",
            without_effect=True,
        ),
        Parameter("Features", T.STRING, "Taken, without effect.", without_effect=True),
        PARTITION,
    ),
    (
        Call(
            "PATCH",
            "/config",
            Answer.NOTHING,
            "MigrationConfig",
            body={
                "MaxNumberOfBatches": "max_number_of_batches",
                "IncrementalSyncInterval": "incremental_interval_seconds",
                "MaxItemsPerMailbox": "max_items",
                "MaxMessageSize": "max_message_bytes",
                "RetryAttempts": "retry_attempts",
                "RetryInterval": "retry_seconds",
                "MaxRetryInterval": "longest_retry_seconds",
                "Repair": "repair",
                "SmtpServer": "smtp_server",
                "SmtpPort": "smtp_port",
                "SmtpSecurity": "smtp_security",
                "SmtpUser": "smtp_user",
                "SmtpPassword": "smtp_password",
                "SmtpFrom": "smtp_from",
                "SmtpCaFile": "smtp_ca_file",
            },
        ),
    ),
    examples=(
        Example("Set-MigrationConfig -IncrementalSyncInterval 12:00:00", "Syncs all users twice a day."),
        Example("Set-MigrationConfig -MaxMessageSize 150MB", "Copies larger messages."),
        Example(
            "Set-MigrationConfig -SmtpServer smtp.contoso.com -SmtpFrom ferry@contoso.com -SmtpUser ferry "
            "-SmtpPassword (Read-Host -AsSecureString)",
            "Sends the reports of batches by this mail server; the password is asked for.",
        ),
    ),
    differs=("Exchange Online has no parameters here; those of Exchange Server and of this service are.",),
    changes=True,
    operation="Changing the settings of the service",
)

EXPORT_REPORT = Cmdlet(
    "Export",
    "MigrationReport",
    "Gives the report of a batch: one row for each user.",
    "Without a file the rows are objects; with -CsvStream the CSV is written to a file. With -Failed the rows are "
    "those that were not migrated, in the form of a CSV to be mended and submitted again; passwords are blank.",
    (
        identity("batch"),
        Parameter("CsvStream", T.STRING, "The file that the CSV is written to.", aliases=("Path", "OutFile")),
        Parameter("StartingRowIndex", T.INT, "The first row that is given, from 0.", default="0", least=0),
        Parameter("RowCount", T.INT, "How many rows are given.", default="all", least=1),
        Parameter("Force", T.SWITCH, "Replace the file if it is there.", needs=("CsvStream",), ours=True),
        Parameter("Failed", T.SWITCH, "What was not migrated, instead of all users.", ours=True),
        PARTITION,
    ),
    (
        Call("GET", "/batches/{Identity}/errors.csv", Answer.CSV, "MigrationReportRow", given=("Failed",)),
        Call("GET", "/batches/{Identity}/report.csv", Answer.CSV, "MigrationReportRow", absent=("Failed",)),
    ),
    "MigrationReportRow",
    examples=(
        Example("Export-MigrationReport IMAPBatch1 -CsvStream report.csv", "Saves the report of a batch."),
        Example(
            "Export-MigrationReport IMAPBatch1 -Failed -CsvStream MigrationErrors.csv", "Saves what is to be mended."
        ),
    ),
    differs=("-CsvStream takes the name of a file in place of a stream, and replaces one only with -Force.",),
)

SERVICE_CMDLETS: Final = (TEST_AVAILABILITY, GET_STATISTICS, GET_CONFIG, SET_CONFIG, EXPORT_REPORT)
