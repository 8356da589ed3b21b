"""The configuration text of a private Dovecot 2.3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.servers.namespace import DAEMON_USER
from tests.servers.pki import Certificate, CertificateKind

CAPABILITIES = (
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS "
    "THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED "
    "I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE "
    "SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY"
)
"""What Dovecot 2.3.19 announces after login when nothing is changed."""

_BEFORE_LOGIN = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ LITERAL-"
_SPECIAL = {"Archive": "Archive", "Drafts": "Drafts", "Junk": "Junk", "Sent": "Sent", "Trash": "Trash"}


@dataclass(frozen=True, slots=True)
class DovecotOptions:
    """How a Dovecot differs from the plain one. Sizes in bytes."""

    store: Literal["maildir", "mdbox", "sdbox"] = "maildir"
    separator: str = "/"
    prefix: str = ""
    """Of the namespace that holds the user's folders, such as `INBOX.`; ends in the separator."""
    without: tuple[str, ...] = ()
    """Capabilities that are not announced. The commands still work."""
    announce: tuple[str, ...] = ()
    """Capabilities announced beside the usual ones, such as `LITERAL-`."""
    capability: str = ""
    """If given, the whole list announced after login."""
    special_use: Literal["none", "declare", "create"] = "none"
    """Archive, Drafts, Junk, Sent, Trash: unknown; marked once they exist; there from the first login."""
    tls: bool = True
    certificate: CertificateKind = "good"
    mechanisms: tuple[str, ...] = ("plain", "login")
    admin_logins: bool = False
    """Also take Domain/Admin/User, user*admin, #user@domain#admin# and domain\\user (without password of the user)."""
    oauth2: bool = False
    """XOAUTH2 and OAUTHBEARER with the tokens of `Dovecot.token`."""
    quota_bytes: int | None = None
    quota_messages: int | None = None
    max_message_bytes: int | None = None
    shared: bool = False
    """The admin `mailadmin` sees every user's folders below `users/NAME/`."""
    compress: bool = False
    max_connections: int = 200
    """Per user and address."""
    fsync: Literal["never", "optimized", "always"] = "never"
    list_escape: bool = False
    """Allow the store's own delimiter in folder names."""
    idle_seconds: int | None = None
    """How often IDLE says `* OK Still here`; Dovecot's default is 120."""
    extra: str = ""
    """Configuration text appended as it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one instance lives."""

    folder: Path
    port: int
    tls_port: int
    certificate: Certificate


def announced(options: DovecotOptions) -> tuple[str, str] | None:
    """The capability lists before and after login, or None to leave Dovecot its own.

    STARTTLS and AUTH= are no part of them: the login process adds them by itself.
    """
    if not (options.without or options.announce or options.capability):
        return None
    gone = {name.upper() for name in options.without}
    after = options.capability.split() or [*CAPABILITIES.split(), *_by_options(options), *options.announce]
    before = [name for name in _BEFORE_LOGIN.split() if name in after]
    lists = [" ".join(name for name in names if name.upper() not in gone) for names in (before, after)]
    return lists[0], lists[1]


def _by_options(options: DovecotOptions) -> list[str]:
    by_option = {
        "SPECIAL-USE": options.special_use != "none",
        "COMPRESS=DEFLATE": options.compress,
        "QUOTA": _has_quota(options),
        "ACL RIGHTS=texk": options.shared,
    }
    return [name for name, there in by_option.items() if there]


def render(options: DovecotOptions, place: Place) -> str:
    """The text of dovecot.conf."""
    plugins, imap_plugins = _plugins(options)
    parts = [
        _main(options, place),
        _services(options, place),
        _logins(options, place.folder),
        _namespaces(options, place.folder),
        f"mail_plugins = {' '.join(plugins)}",
        "protocol imap {\n"
        f"  mail_max_userip_connections = {options.max_connections}\n"
        f"  mail_plugins = {' '.join([*plugins, *imap_plugins])}\n"
        "}",
        _plugin_settings(options, place.folder),
        options.extra,
    ]
    return "\n".join(parts) + "\n"


def _main(options: DovecotOptions, place: Place) -> str:
    location = {"maildir": "maildir:~/Maildir", "mdbox": "mdbox:~/mdbox", "sdbox": "sdbox:~/sdbox"}[options.store]
    folder = place.folder
    lines = [
        "protocols = imap",
        "listen = 127.0.0.1",
        f"base_dir = {folder}/run",
        f"state_dir = {folder}/state",
        f"log_path = {folder}/log/dovecot.log",
        'log_timestamp = "%Y-%m-%dT%H:%M:%S.%{usecs} "',
        *(f"default_{part} = {DAEMON_USER}" for part in ("internal_user", "internal_group", "login_user")),
        f"mail_uid = {DAEMON_USER}",
        f"mail_gid = {DAEMON_USER}",
        "first_valid_uid = 1",
        "first_valid_gid = 1",
        f"mail_location = {location}",
        f"mail_fsync = {options.fsync}",
        "disable_plaintext_auth = no",
        "auth_verbose = yes",
        "auth_failure_delay = 0",
        "default_process_limit = 400",
        "default_client_limit = 1500",
    ]
    if options.tls:
        lines += ["ssl = yes", f"ssl_cert = <{place.certificate.certificate}", f"ssl_key = <{place.certificate.key}"]
    else:
        lines += ["ssl = no"]
    if options.idle_seconds is not None:
        lines += [f"imap_idle_notify_interval = {options.idle_seconds}s"]
    return "\n".join(lines)


def _services(options: DovecotOptions, place: Place) -> str:
    # An own list goes to the programs by a wrapper: as a setting it would be one list for before and after login.
    own = "executable = " + str(place.folder / "bin") if announced(options) else ""
    imap, login = (f"{own}/{name}" if own else "" for name in ("imap", "login"))
    return f"""
service imap-login {{
  {login}
  chroot =
  service_count = 0
  process_limit = 1
  client_limit = 2000
  inet_listener imap {{
    port = {place.port}
  }}
  inet_listener imaps {{
    port = {place.tls_port if options.tls else 0}
    ssl = yes
  }}
}}
service imap {{
  {imap}
  process_limit = 400
  vsz_limit = 2G
}}
service anvil {{
  chroot =
  client_limit = 1500
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


def _passdb(driver: str, args: str, *settings: str) -> str:
    return "\n  ".join(["passdb {", f"driver = {driver}", f"args = {args}", *settings]) + "\n}"


def _logins(options: DovecotOptions, folder: Path) -> str:
    oauth2 = ("xoauth2", "oauthbearer") if options.oauth2 else ()
    lines = [f"auth_mechanisms = {' '.join([*options.mechanisms, *oauth2])}"]
    if oauth2:
        lines.append(_passdb("oauth2", f"{folder}/oauth2.conf", "mechanisms = xoauth2 oauthbearer"))
    password_only = f"mechanisms = {' '.join(options.mechanisms)}"
    if options.admin_logins:
        lines += ["auth_username_chars =", "auth_username_format ="]
    else:
        lines.append("auth_master_user_separator = *")
    masters = ("master = yes", "result_success = continue", password_only)
    lines.append(_passdb("lua", f"file={folder}/masters.lua blocking=no", *masters))
    lines.append(_passdb("lua", f"file={folder}/users.lua blocking=no", password_only))
    lines.append(f"userdb {{\n  driver = lua\n  args = file={folder}/users.lua blocking=no\n}}")
    return "\n".join(lines)


def _namespaces(options: DovecotOptions, folder: Path) -> str:
    lines = ["namespace inbox {", "  inbox = yes", f"  separator = {options.separator}", f"  prefix = {options.prefix}"]
    if options.special_use != "none":
        auto = "create" if options.special_use == "create" else "no"
        for name, use in _SPECIAL.items():
            lines += [f"  mailbox {name} {{", f"    auto = {auto}", f"    special_use = \\{use}", "  }"]
    lines.append("}")
    if options.shared:
        sep = options.separator
        store = {"maildir": "Maildir"}.get(options.store, options.store)
        location = f"{options.store}:{folder}/mail/%%u/{store}:INDEX=~/shared/%%u:INDEXPVT=~/shared/%%u"
        lines += ["namespace shared {", "  type = shared", f"  prefix = users{sep}%%u{sep}", f"  separator = {sep}"]
        lines += [f"  location = {location}", "  subscriptions = no", "  list = children", "}"]
    return "\n".join(lines)


def _has_quota(options: DovecotOptions) -> bool:
    return any(limit is not None for limit in (options.quota_bytes, options.quota_messages, options.max_message_bytes))


def _plugins(options: DovecotOptions) -> tuple[Sequence[str], Sequence[str]]:
    both = {"quota": _has_quota(options), "acl": options.shared, "zlib": options.compress}
    plugins = [name for name, wanted in both.items() if wanted]
    return [*plugins, *(("listescape",) if options.list_escape else ())], [f"imap_{name}" for name in plugins]


def _plugin_settings(options: DovecotOptions, folder: Path) -> str:
    lines = ["plugin {"]
    if _has_quota(options):
        lines += ["  quota = count:User quota", "  quota_vsizes = yes", "  quota_grace = 0"]
        storage = f"*:storage={options.quota_bytes}B" if options.quota_bytes is not None else "*:storage=0"
        lines += [f"  quota_rule = {storage}"]
    if options.quota_messages is not None:
        lines += [f"  quota_rule2 = *:messages={options.quota_messages}"]
    if options.max_message_bytes is not None:
        lines += [f"  quota_max_mail_size = {options.max_message_bytes}B"]
    if options.shared:
        lines += [f"  acl = vfile:{folder}/global-acl:cache_secs=1"]
        lines += [f"  acl_shared_dict = file:{folder}/state/shared.db"]
    return "\n".join([*lines, "}"])
