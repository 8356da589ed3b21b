"""The cmdlets of endpoints. See `spec.py`."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_common import identity
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Example, Parameter, ValueType
from mailferry.migration.model import EndpointRole, EndpointType, Security

T = ValueType
KIND = "MigrationEndpoint"
SECURITY = tuple(kind.value for kind in Security)
AUTHENTICATION = ("Basic", "Plain")
NTLM = (
    (
        "NTLM",
        "NTLM is not there: it is outdated and weak, and servers that offer it take a plain login over TLS too.",
        "Use Basic with -Security Ssl or Tls. A login name may be written as DOMAIN\\user.",
    ),
)
MOST = 300

_SOURCE, _TARGET, _MAILDIR = "IMAP", "TargetIMAP", "Maildir"
_SERVERS = (_SOURCE, _TARGET)

_UNTRUSTED = "Take any certificate. Passwords then go to whoever answers; use it in tests only."
_MIGRATIONS = "How many mailboxes of this endpoint may be copied at the same time, 1 to 300."
_SYNCS = "How many of them may be incremental syncs; not more than MaxConcurrentMigrations."
_LOGINS = "How many of them may use the same login name, as the login of an administrator does."
_SKIP = "Save it without a test of the connection."
_TEMPLATE = "How the login names of the target are made: {user} is the address, {local} and {domain} its parts."
_ADMIN = "Log in to the target as this administrator, by SASL PLAIN, on behalf of each user."
_PASSWORD = "The password of the administrator of the target, a SecureString."  # noqa: S105 - it is a help text
_DEFAULT = "Make this the target of batches that name none."

_LIMITS = (
    Parameter("MaxConcurrentMigrations", T.UNLIMITED, _MIGRATIONS, default="20", least=1, most=MOST),
    Parameter("MaxConcurrentIncrementalSyncs", T.UNLIMITED, _SYNCS, default="10", least=1, most=MOST),
    Parameter("MaxConnectionsPerLogin", T.UNLIMITED, _LOGINS, default="8", least=1, most=MOST, ours=True),
)

_FIELDS = {
    "RemoteServer": "remote_server",
    "Port": "port",
    "Security": "security",
    "Authentication": "authentication",
    "AcceptUntrustedCertificates": "accept_untrusted_certificates",
    "MaxConcurrentMigrations": "max_concurrent_migrations",
    "MaxConcurrentIncrementalSyncs": "max_concurrent_incremental_syncs",
    "MaxConnectionsPerLogin": "max_connections_per_login",
    "Path": "path",
    "UserTemplate": "user_template",
    "AdminUser": "admin_user",
    "AdminPassword": "password",
    "DefaultTarget": "is_default",
    "SkipVerification": "skip_verification",
}

_TESTED = "The endpoint is tested before it is saved, for at most 15 seconds; the answer names the step that failed."
_LOWER_DEFAULTS = (
    "The defaults are 20 migrations and 10 incremental syncs, those of the admin center; the pages of Exchange Online "
    "name 100 and 20 as well."
)

NEW_ENDPOINT = Cmdlet(
    "New",
    "MigrationEndpoint",
    "Makes an endpoint: a server or folder that mail is fetched from or brought to.",
    "The settings of a connection and its limits. " + _TESTED,
    (
        Parameter("IMAP", T.SWITCH, "An IMAP server.", mandatory=True, sets=_SERVERS),
        Parameter(
            "Maildir", T.SWITCH, "A folder of Maildirs, as a target.", mandatory=True, sets=(_MAILDIR,), ours=True
        ),
        Parameter("Target", T.SWITCH, "Mail is brought to it.", mandatory=True, sets=(_TARGET,), ours=True),
        Parameter("Name", T.STRING, "The name of the endpoint.", position=0, mandatory=True, most=256),
        Parameter("RemoteServer", T.FQDN, "The host name of the server.", mandatory=True, sets=_SERVERS),
        Parameter("Port", T.INT, "The port.", default="993 for Ssl, else 143", least=1, most=65_535, sets=_SERVERS),
        Parameter(
            "Security",
            T.CHOICE,
            "TLS from the start (Ssl), by STARTTLS (Tls), or none.",
            SECURITY,
            default="Ssl",
            sets=_SERVERS,
        ),
        Parameter(
            "Authentication",
            T.CHOICE,
            "Basic: what the server offers. Plain: SASL PLAIN. NTLM is not there.",
            AUTHENTICATION,
            default="Basic",
            sets=_SERVERS,
            refused=NTLM,
        ),
        Parameter("AcceptUntrustedCertificates", T.SWITCH, _UNTRUSTED, sets=_SERVERS),
        *_LIMITS,
        Parameter(
            "Path", T.STRING, "The folder, on the machine of the service.", mandatory=True, sets=(_MAILDIR,), ours=True
        ),
        Parameter("UserTemplate", T.STRING, _TEMPLATE, sets=(_TARGET,), needs=("AdminPassword",), ours=True),
        Parameter("AdminUser", T.STRING, _ADMIN, sets=(_TARGET,), needs=("AdminPassword",), ours=True),
        Parameter("AdminPassword", T.SECURE_STRING, _PASSWORD, sets=(_TARGET,), ours=True),
        Parameter("DefaultTarget", T.BOOLEAN, _DEFAULT, sets=(_TARGET, _MAILDIR), ours=True),
        Parameter("SkipVerification", T.SWITCH, _SKIP),
    ),
    (
        Call(
            "POST",
            "/endpoints",
            Answer.ONE,
            KIND,
            body={"Name": "name"} | _FIELDS,
            switches={
                "IMAP": {"type": EndpointType.IMAP.value},
                "Target": {"role": EndpointRole.TARGET.value},
                "Maildir": {"type": EndpointType.MAILDIR.value, "role": EndpointRole.TARGET.value},
            },
        ),
    ),
    KIND,
    (_SOURCE, _TARGET, _MAILDIR),
    (
        Example(
            "New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer imap.contoso.com -Port 993 -Security Ssl",
            "Makes a source endpoint with TLS.",
        ),
        Example(
            "New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer imap.contoso.com -Port 143 -Security Tls "
            "-MaxConcurrentMigrations 50 -MaxConcurrentIncrementalSyncs 25",
            "Makes a source endpoint with STARTTLS and limits of its own.",
        ),
        Example(
            "New-MigrationEndpoint -Maildir -Name Archive -Path /srv/mail -DefaultTarget $true",
            "Makes a folder the target of all batches that name none.",
        ),
        Example(
            "New-MigrationEndpoint -IMAP -Target -Name NewServer -RemoteServer imap.contoso.net -AdminUser mailadmin "
            "-AdminPassword (Read-Host -AsSecureString)",
            "Makes an IMAP server a target, with the login of an administrator.",
        ),
    ),
    (
        "There are target endpoints (-Target, -Maildir), as mail need not go to Exchange Online.",
        "Authentication is Basic or Plain. NTLM is not there, as it is outdated and weak: servers that offer it take a "
        "plain login over TLS too, so use Basic with Ssl or Tls. A login name may be written as DOMAIN\\user.",
        _LOWER_DEFAULTS,
    ),
    changes=True,
    operation="Creating the migration endpoint",
)

GET_ENDPOINT = Cmdlet(
    "Get",
    "MigrationEndpoint",
    "Shows endpoints.",
    "Shows one endpoint, or all of them by name. Passwords are never shown.",
    (
        identity("endpoint", mandatory=False, sets=("Identity",)),
        Parameter("Type", T.CHOICE, "Those of this type only.", ("IMAP", "Maildir"), sets=("List",)),
        Parameter("Role", T.CHOICE, "Those of this role only.", ("Source", "Target"), sets=("List",), ours=True),
        Parameter("DiagnosticInfo", T.STRING, "Taken, without effect.", without_effect=True),
    ),
    (
        Call("GET", "/endpoints/{Identity}", Answer.ONE, KIND, given=("Identity",)),
        Call("GET", "/endpoints", Answer.LIST, KIND, query={"Type": "type", "Role": "role"}, absent=("Identity",)),
    ),
    KIND,
    ("Identity", "List"),
    (
        Example(
            "Get-MigrationEndpoint IMAPEndpoint | Format-List EndpointType,RemoteServer,Port,Security,Max*",
            "Shows some settings of an endpoint.",
        ),
    ),
    ("An Identity that does not exist is an error; Exchange Online shows all endpoints then.",),
)

SET_ENDPOINT = Cmdlet(
    "Set",
    "MigrationEndpoint",
    "Changes an endpoint.",
    "Limits hold at once, also for batches that run; the rest holds from the next pass of each user. The endpoint is "
    "tested if its connection changes.",
    (
        identity("endpoint"),
        Parameter("RemoteServer", T.FQDN, "The host name of the server."),
        Parameter("Port", T.INT, "The port.", least=1, most=65_535),
        Parameter("Security", T.CHOICE, "How the connection is protected.", SECURITY),
        Parameter("Authentication", T.CHOICE, "How the users log in. NTLM is not there.", AUTHENTICATION, refused=NTLM),
        Parameter("AcceptUntrustedCertificates", T.BOOLEAN, _UNTRUSTED),
        Parameter("MaxConcurrentMigrations", T.UNLIMITED, _MIGRATIONS, least=1, most=MOST),
        Parameter("MaxConcurrentIncrementalSyncs", T.UNLIMITED, _SYNCS, least=1, most=MOST),
        Parameter("MaxConnectionsPerLogin", T.UNLIMITED, _LOGINS, least=1, most=MOST, ours=True),
        Parameter("Path", T.STRING, "The folder of a Maildir endpoint.", ours=True),
        Parameter("UserTemplate", T.STRING, _TEMPLATE, ours=True, may_be_empty=True),
        Parameter("AdminUser", T.STRING, _ADMIN, ours=True, may_be_empty=True),
        Parameter("AdminPassword", T.SECURE_STRING, _PASSWORD, ours=True),
        Parameter("DefaultTarget", T.BOOLEAN, _DEFAULT, ours=True),
        Parameter("SkipVerification", T.SWITCH, _SKIP),
    ),
    (Call("PATCH", "/endpoints/{Identity}", Answer.NOTHING, KIND, body=_FIELDS),),
    examples=(
        Example(
            "Set-MigrationEndpoint IMAPEndpoint -MaxConcurrentMigrations 50 -MaxConcurrentIncrementalSyncs 25",
            "Raises the limits of an endpoint.",
        ),
    ),
    differs=("New limits hold at once; in Exchange Online they hold the next time a batch is processed.",),
    changes=True,
    operation="Changing the migration endpoint",
)

REMOVE_ENDPOINT = Cmdlet(
    "Remove",
    "MigrationEndpoint",
    "Removes an endpoint that no batch uses.",
    "The endpoint and its password are removed. It is an error if a batch uses it, or if it is the default target.",
    (identity("endpoint"),),
    (Call("DELETE", "/endpoints/{Identity}", Answer.NOTHING, KIND),),
    examples=(Example("Remove-MigrationEndpoint IMAPEndpoint", "Removes an endpoint after a question."),),
    changes=True,
    asks=True,
    operation="Removing the migration endpoint",
)

ENDPOINT_CMDLETS: Final = (NEW_ENDPOINT, GET_ENDPOINT, SET_ENDPOINT, REMOVE_ENDPOINT)
