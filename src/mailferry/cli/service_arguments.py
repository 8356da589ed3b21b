"""The command line's grammar for the commands that work with the service."""

from __future__ import annotations

import argparse

from mailferry.cli.cmdlet_words import NAMES, SHELLS

DEFAULT_PORT = 8380
DEFAULT_DATA = "mailferry-data"
TOKEN_VARIABLE = "MAILFERRY_TOKEN_FILE"  # noqa: S105 - the name of a variable


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Add the options of `mailferry serve`."""
    add_data(parser)
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one a core, at most 4)")
    network = parser.add_argument_group("network")
    network.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="listen here (default 127.0.0.1)")
    network.add_argument(
        "--port", type=int, metavar="N", default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 is any free one"
    )
    network.add_argument("--tls-certificate", metavar="FILE", default="", help="the chain of certificates, PEM")
    network.add_argument("--tls-key", metavar="FILE", default="", help="its key, PEM")
    network.add_argument(
        "--allow-plain-http",
        action="store_true",
        help="listen without TLS where other machines can connect (behind a proxy that adds TLS)",
    )
    network.add_argument("--open-metrics", action="store_true", help="let /metrics be read without a token")
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="how the log is written to stderr (default text)"
    )


def add_token(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `mailferry token`."""
    add_data(parser)
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True, prog="mailferry token"
    )
    look = parser.formatter_class
    new = actions.add_parser("new", help="make a token and print it", allow_abbrev=False, formatter_class=look)
    new.add_argument("name", metavar="NAME", help="what it is for")
    new.add_argument(
        "--role", choices=("operator", "viewer"), default="operator", help="may do all, or only look (default operator)"
    )
    listed = actions.add_parser("list", help="list the tokens", allow_abbrev=False, formatter_class=look)
    remove = actions.add_parser("remove", help="make a token worthless", allow_abbrev=False, formatter_class=look)
    remove.add_argument("name", metavar="NAME", help="as the list has it")
    for action in (new, listed, remove):  # no default here: it would win over what was given before the action
        add_data(action, default=argparse.SUPPRESS)


def add_data(parser: argparse._ActionsContainer, default: str = DEFAULT_DATA) -> None:
    """Add the option that names the data folder."""
    parser.add_argument("--data", metavar="FOLDER", default=default, help=f"the data folder (default ./{DEFAULT_DATA})")


def add_migrate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `mailferry migrate`."""
    parser.add_argument("csv", metavar="CSV", help="the mailboxes: EmailAddress,UserName,Password[,UserRoot]")
    source = parser.add_argument_group("source")
    source.add_argument("--source", metavar="URL", required=True, help="imaps://host, imap+tls://host, imap://host")
    source.add_argument(
        "--source-security",
        choices=("none", "ssl", "tls"),
        default="",
        help="none, ssl (TLS at once) or tls (STARTTLS)",
    )
    source.add_argument("--source-auth-plain", action="store_true", help="log in by SASL PLAIN and nothing else")
    source.add_argument(
        "--max-concurrent-migrations", type=int, metavar="N", help="mailboxes at once (default 20, at most 300)"
    )
    source.add_argument("--max-concurrent-incremental-syncs", type=int, metavar="N", help="of these (default 10)")
    source.add_argument(
        "--max-connections-per-login", type=int, metavar="N", help="under one login name, such as an administrator's"
    )
    target = parser.add_argument_group("target")
    target.add_argument("--target", metavar="URL", required=True, help="maildir:FOLDER, or imaps://host")
    target.add_argument("--target-security", choices=("none", "ssl", "tls"), default="", help="as for the source")
    target.add_argument(
        "--target-user-template", metavar="TEXT", default="", help="login name of each user, such as {user}*mailadmin"
    )
    target.add_argument("--target-admin", metavar="NAME", default="", help="log in as this one, in the user's name")
    target.add_argument("--target-password-file", metavar="FILE", default="", help="the administrator's password")
    both = parser.add_argument_group("both sides")
    both.add_argument("--accept-untrusted-certificates", action="store_true", help="take any certificate")
    both.add_argument("--skip-verification", action="store_true", help="do not test the servers first")
    what = parser.add_argument_group("what is copied")
    what.add_argument(
        "--include-folders", metavar="LIST", action="append", default=[], help="only these, such as 'INBOX,Clients/*'"
    )
    what.add_argument("--exclude-folders", metavar="LIST", action="append", default=[], help="not these; wins")
    add_received(what)
    what.add_argument("--allow-unknown-columns", action="store_true", help="take a CSV with other columns too")
    how = parser.add_argument_group("how")
    add_data(how)
    how.add_argument("--name", metavar="NAME", default="", help="the batch (default: the name of the CSV)")
    how.add_argument("--watch", action="store_true", help="stay, and sync every day until Ctrl-C")
    how.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one a core, at most 4)")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--failures", metavar="FILE", default="", help="rows to fix and submit again (default: CSV's name.failures.csv)"
    )
    output.add_argument("--report", metavar="FILE", default="", help="write a line for each mailbox as CSV")
    output.add_argument("--json", action="store_true", help="print events as JSON, one a line")
    output.add_argument("-q", "--quiet", action="store_true", help="print nothing if all went well")


def add_received(group: argparse._ArgumentGroup) -> None:
    """Add the options that name a range of received dates."""
    group.add_argument("--received-after", metavar="DATE", help="only mail received then or later; any: no such bound")
    group.add_argument(
        "--received-before", metavar="DATE", help="only mail received earlier than that; any: no such bound"
    )


def add_place(parser: argparse._ActionsContainer) -> None:
    """Add the options that say where the service is."""
    parser.add_argument(
        "--data", metavar="FOLDER", default="", help=f"the service's data folder (default ./{DEFAULT_DATA})"
    )
    parser.add_argument("--url", metavar="URL", default="", help="the service (default: that of the data folder)")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        default="",
        help=f"holds the token (default: {TOKEN_VARIABLE}, else that of the data folder)",
    )
    parser.add_argument("--allow-plain-http", action="store_true", help="send the token to another machine without TLS")


def add_console(parser: argparse.ArgumentParser) -> None:
    """Add the options of `mailferry console`."""
    what = parser.add_argument_group("what is run").add_mutually_exclusive_group()
    what.add_argument(
        "-Command", "-command", "-c", "--command", dest="text", metavar="TEXT", help="these commands, then end"
    )
    what.add_argument(
        "-File", "-file", "--file", dest="file", metavar="SCRIPT", help="the commands in this file, then end"
    )
    add_place(parser.add_argument_group("service"))


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `mailferry completion`."""
    parser.add_argument("shell", choices=(*SHELLS, NAMES), metavar="SHELL", help=", ".join(SHELLS))
    # What the scripts call for the names that a service knows.
    for option in ("--of", "--begun", "--data", "--url", "--token-file"):
        parser.add_argument(option, default="", help=argparse.SUPPRESS)
    parser.add_argument("--allow-plain-http", action="store_true", help=argparse.SUPPRESS)
