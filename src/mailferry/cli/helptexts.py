"""Texts of `--help`."""

from __future__ import annotations

PROGRAM = "Moves mailboxes between mail servers: exactly once, and as fast as the servers allow."

PROGRAM_EPILOG = """\
Begin with:
  mailferry copy --dry-run imaps://terry@imap.contoso.com maildir:./mailboxes/terry
"""

LOCATIONS = """\
locations:
  imaps://USER@HOST[:993]     TLS from the first byte
  imap+tls://USER@HOST[:143]  STARTTLS, and no login without it
  imap://USER@HOST[:143]      STARTTLS likewise; plain text if HOST is this machine
                              (localhost, 127.0.0.1, ::1), or with
                              --source-security none, --target-security none
  maildir:PATH                a Maildir++ on disk, as Dovecot keeps it
  Percent-encode / @ : ; ? # % in USER (terry%40contoso.com), or give the name
  with --source-user and --target-user. An IPv6 address stands in brackets.
  USER;AUTH=PLAIN@HOST names the mechanism.

passwords:
  From --source-password-file and --target-password-file; else from
  MAILFERRY_SOURCE_PASSWORD and MAILFERRY_TARGET_PASSWORD; else they are asked
  for. Never on the command line.
"""

FOLDERS = r"""
folder lists:
  Names are divided by commas, and an option may be given more than once. Levels
  are divided by /, whatever the server uses. Clients is that folder alone,
  Clients/* it and all below it. #Inbox#, #SentItems#, #DeletedItems#,
  #JunkEmail# and so on mean the folder in every language. A backslash stands
  before a comma, / or * that belongs to a name, and before each # of a folder
  that is really named so.
"""

COPY = """\
Copy a mailbox. Run the same command again to bring new mail and changed flags
over: a message that was copied once is not copied again, whatever happened in
between. Nothing is changed at the source, and nothing is deleted on the target
unless --mirror-deletions asks for it."""

_DATES = """
dates:
  A day such as 2025-01-31, or a moment such as 2025-01-31T08:00:00+01:00; without
  a zone it is UTC. What counts is when the server received the message. The
  range begins with --received-after and ends just before --received-before. With
  another range later, what it takes comes over, and nothing is removed.
"""

_SIZES = """
sizes:
  Bytes, or with K, M or G: 35MB is 36,700,160 bytes.
"""

_EXIT = """
exit codes:
  0 complete, 2 wrong usage, 10-19 the source, 20-34 the target, 40 messages
  skipped, 41 folders failed, 42 over the limit, 43 differences found, 45 no
  folder chosen, 50-53 the ledger, 130 Ctrl-C. All of them:
  mailferry help exit-codes
"""

COPY_EPILOG = (
    """\
examples:
  mailferry copy imaps://terry@imap.contoso.com maildir:./mailboxes/terry
  mailferry copy --dry-run imaps://terry@imap.contoso.com maildir:./mailboxes/terry
  mailferry copy --source-password-file old.txt --target-password-file new.txt \\
      --exclude-folders '#JunkEmail#,#DeletedItems#/*' --report terry.json \\
      imaps://terry@imap.contoso.com imaps://terry@mail.fabrikam.com
  mailferry copy --received-after 2025-01-01 --received-before 2026-01-01 \\
      imaps://terry@imap.contoso.com maildir:./2025/terry
  mailferry copy --authzid terry imaps://mailadmin@imap.contoso.com maildir:./terry

"""
    + LOCATIONS
    + FOLDERS
    + _DATES
    + _SIZES
    + _EXIT
)

VERIFY = """\
Compare a copy with its source, message by message, and name each one that is
missing or altered. Nothing is changed on either side. A connection that breaks
is made anew, and the comparing goes on."""

VERIFY_EPILOG = (
    """\
examples:
  mailferry verify imaps://terry@imap.contoso.com maildir:./mailboxes/terry
  mailferry verify --report terry.json \\
      imaps://terry@imap.contoso.com imaps://terry@mail.fabrikam.com

"""
    + LOCATIONS
    + FOLDERS
    + _DATES
    + _EXIT
)


def exit_codes() -> str:
    """Give the whole table of exit codes."""
    from mailferry.cli.exitcodes import table

    lines = ["Exit codes of mailferry", ""]
    for line in table():
        side = f"{line.side.value.capitalize()}: " if line.side else ""
        lines.append(f"{line.number:>5}  {side}{line.text}")
    return "\n".join(lines) + "\n"
