"""The command line's grammar. Values are checked in `requests`, so that this costs nothing at the start."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import NoReturn

from mailferry import __version__
from mailferry.cli import helptexts, service_arguments, service_texts
from mailferry.cli.cmdlet_words import NOUNS
from mailferry.errors import BadUsage

SECURITIES = ("none", "ssl", "tls")
SIDES = ("source", "target")
HELP_TOPICS = ("copy", "verify", "migrate", "serve", "token", "console", "completion", "exit-codes")


class Parser(argparse.ArgumentParser):
    """Raises BadUsage, so that there is one way in which errors are told."""

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong, without the values: a password may be among them."""
        if message.startswith("unrecognized arguments:"):
            words = message.partition(":")[2].split()
            message = "unknown: " + " ".join(w.partition("=")[0] for w in words if w.startswith("-")) or message
            if message == "unknown: ":
                message = "too many arguments"
        raise BadUsage(f"{message[:1].upper()}{message[1:]}.")


class _RefusePassword(argparse.Action):
    """A password on the command line can be read by every user of the machine."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        raise BadUsage(
            "A password is not taken on the command line: every user of this machine can read it in the process list. "
            "Use --source-password-file and --target-password-file, MAILFERRY_SOURCE_PASSWORD and "
            "MAILFERRY_TARGET_PASSWORD, or wait to be asked."
        )


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of `mailferry`."""
    parser = Parser(
        prog="mailferry",
        description=helptexts.PROGRAM,
        epilog=helptexts.PROGRAM_EPILOG,
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"mailferry {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)

    def command(name: str, short: str, description: str, epilog: str, usage: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=short,
            usage=f"mailferry {name} {usage}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=_Formatter,
        )

    places = "[options] SOURCE TARGET"
    _add_copy(
        command("copy", "copy a mailbox, or bring a copy up to date", helptexts.COPY, helptexts.COPY_EPILOG, places)
    )
    _add_verify(command("verify", "prove that a copy is complete", helptexts.VERIFY, helptexts.VERIFY_EPILOG, places))
    _add_service(command)
    more = command(
        "help", "explain a command, or the exit codes", "Explain a command, or the exit codes.", "", "[TOPIC]"
    )
    more.add_argument("topic", nargs="?", choices=HELP_TOPICS, metavar="TOPIC", help=", ".join(HELP_TOPICS))
    for noun, about in NOUNS.items():
        commands.add_parser(noun, help=about, add_help=False)  # run by `cmdlet.py`; here they are only listed
    parser.set_defaults(commands=commands.choices)
    return parser


def _add_service(command: Callable[[str, str, str, str, str], argparse.ArgumentParser]) -> None:
    texts = service_texts
    service_arguments.add_migrate(
        command("migrate", "migrate the mailboxes of a CSV", texts.MIGRATE, texts.MIGRATE_EPILOG, "[options] CSV")
    )
    service_arguments.add_serve(
        command("serve", "run the migration service", texts.SERVE, texts.SERVE_EPILOG, "[options]")
    )
    service_arguments.add_token(
        command("token", "make and remove tokens of the API", texts.TOKENS, texts.TOKENS_EPILOG, "[options] ACTION")
    )
    service_arguments.add_console(
        command("console", "type the cmdlets of Exchange", texts.CONSOLE, texts.CONSOLE_EPILOG, "[options]")
    )
    service_arguments.add_completion(
        command("completion", "make a shell complete commands", texts.COMPLETION, texts.COMPLETION_EPILOG, "SHELL")
    )


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps line ends, and uses the width of the terminal up to what is easy to read."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except OSError:
            columns = 100
        super().__init__(prog, max_help_position=30, width=max(60, min(columns, 100)))


def _add_copy(parser: argparse.ArgumentParser) -> None:
    _add_locations(parser)
    what = parser.add_argument_group("what is copied")
    _add_folders(what)
    service_arguments.add_received(what)
    what.add_argument("--max-message-size", metavar="SIZE", help="leave out larger messages (default 35MB)")
    what.add_argument("--max-items", metavar="N", help="the most messages to copy (default 500,000)")
    how = parser.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="show the folder map and the counts; change nothing")
    how.add_argument(
        "--order", choices=("oldest-first", "newest-first"), default="oldest-first", help="within a folder"
    )
    how.add_argument(
        "--repair",
        choices=("none", "line-ends", "all"),
        default="line-ends",
        help="what may be changed in a message that the target refuses as it is (default line-ends)",
    )
    how.add_argument(
        "--mirror-deletions",
        action="store_true",
        help="remove from the target what this program copied and is deleted on the source (default: keep it)",
    )
    how.add_argument("--connections", metavar="N", help="the most connections to the target (default 4)")
    _add_common(how)
    output = _add_output(parser, "what was copied, skipped and changed")
    output.add_argument("-v", "--verbose", action="store_true", help="print every event")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_locations(parser)
    what = parser.add_argument_group("what is compared")
    _add_folders(what)
    service_arguments.add_received(what)
    how = parser.add_argument_group("how")
    how.add_argument("--quick", action="store_true", help="compare by Message-ID and date, not by content")
    how.add_argument("--reread-source", action="store_true", help="trust no digest of what the copy read, read again")
    how.add_argument("--repair", action="store_true", help="let the next copy send again what is missing")
    _add_common(how)
    _add_output(parser, "every difference")
    parser.set_defaults(verbose=False)


def _add_locations(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="where the mail is")
    parser.add_argument("target", metavar="TARGET", help="where it goes")
    for side in SIDES:
        group = parser.add_argument_group(side)
        alias = side == "source"
        group.add_argument(f"--{side}-user", metavar="NAME", default="", help="login name, in place of that in the URL")
        group.add_argument(f"--{side}-password-file", metavar="FILE", default="", help="its first line is the password")
        group.add_argument(
            f"--{side}-security", choices=SECURITIES, default="", help="none, ssl (TLS at once) or tls (STARTTLS)"
        )
        group.add_argument(
            f"--{side}-auth",
            *(("--auth",) if alias else ()),
            dest=f"{side}_auth",
            metavar="MECHANISM",
            default="",
            help="PLAIN, LOGIN, SCRAM-SHA-256, XOAUTH2 or OAUTHBEARER; the password is the token for the last two",
        )
        group.add_argument(
            f"--{side}-authzid",
            *(("--authzid",) if alias else ()),
            dest=f"{side}_authzid",
            metavar="NAME",
            default="",
            help="whose mailbox to open when an administrator logs in",
        )
        if alias:
            group.add_argument("--user-root", metavar="PATH", default="", help="folder in which the mailbox begins")
        group.add_argument(
            f"--{side}-accept-untrusted-certificates", action="store_true", help="take any certificate from this server"
        )
        group.add_argument(f"--{side}-password", nargs="?", action=_RefusePassword, help=argparse.SUPPRESS)
    both = parser.add_argument_group("both sides")
    both.add_argument("--accept-untrusted-certificates", action="store_true", help="take any certificate from both")
    both.add_argument("--ca-file", metavar="FILE", help="certificates to trust, in PEM form")
    both.add_argument("--timeout", metavar="SECONDS", help="give a silent server up after this time (default 60)")
    both.add_argument("--password", nargs="?", action=_RefusePassword, help=argparse.SUPPRESS)


def _add_folders(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--include-folders", metavar="LIST", action="append", default=[], help="only these, such as 'INBOX,Clients/*'"
    )
    group.add_argument("--exclude-folders", metavar="LIST", action="append", default=[], help="not these; wins")


def _add_common(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--state", metavar="FILE", default="", help="the ledger (default in ~/.local/state/mailferry)")


def _add_output(parser: argparse.ArgumentParser, what: str) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("output")
    group.add_argument("--report", metavar="FILE", default="", help=f"write {what} as JSON")
    group.add_argument("--json", action="store_true", help="print events as JSON, one a line")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing if all went well")
    group.add_argument(
        "--debug-wire", metavar="FILE", default="", help="write what was said to the servers, without secrets and mail"
    )
    return group
