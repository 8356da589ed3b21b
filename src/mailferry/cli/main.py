"""The command `mailferry`. What a command does is loaded when it is asked for, so that --help answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mailferry.cli import exitcodes
from mailferry.cli.arguments import make_parser
from mailferry.cli.cmdlet_words import is_cmdlet
from mailferry.errors import BadUsage, MailferryError

if TYPE_CHECKING:
    from mailferry.cli.passwords import Ask


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; nothing is raised but SystemExit for --help and --version."""
    _set_up_streams()
    parser = make_parser()
    arguments: argparse.Namespace | None = None
    try:
        words = sys.argv[1:] if argv is None else argv
        if is_cmdlet(words):
            from mailferry.cli.cmdlet import run_cmdlet

            return run_cmdlet(words)
        arguments = parser.parse_args(argv)
        return _run(parser, arguments)
    except MailferryError as error:
        _tell(error, getattr(arguments, "command", None))
        return exitcodes.exit_code(error)
    except KeyboardInterrupt:
        print("\nmailferry: stopped", file=sys.stderr)
        return exitcodes.SIGNAL_BASE + 2
    except BrokenPipeError:
        _let_go_of_stdout()
        return exitcodes.UNEXPECTED
    except Exception as error:  # the last net; what comes here is a defect
        return _unexpected(error, verbose=bool(getattr(arguments, "verbose", False)))


def _run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "copy":
            return _copy(arguments)
        case "verify":
            return _verify(arguments)
        case "migrate":
            return _migrate(arguments)
        case "serve":
            from mailferry.cli.serve import serve

            return serve(arguments)
        case "token":
            from mailferry.cli.tokens import tokens

            return tokens(arguments)
        case "console":
            from mailferry.cli.console import console

            return console(arguments)
        case "completion":
            from mailferry.cli.cmdlet_completion import completion

            return completion(arguments)
        case "help":
            return _help(parser, arguments.topic)
        case _:
            parser.print_help()
            return exitcodes.USAGE


def _copy(arguments: argparse.Namespace) -> int:
    from mailferry.cli.requests import check_options, make_options, make_request

    check_options(arguments)
    request = make_request(arguments, os.environ, ask=_asker(), warn=_warn)
    if arguments.dry_run:
        from mailferry.cli.plan import plan

        return plan(request, make_options(arguments))
    from mailferry.backends.registry import connecting

    with connecting(request.source, request.target):
        from mailferry.cli.copy import copy

        return copy(request, arguments)


def _verify(arguments: argparse.Namespace) -> int:
    from mailferry.cli.requests import make_filter, make_range, make_request

    folder_filter, received = make_filter(arguments), make_range(arguments)
    request = make_request(arguments, os.environ, ask=_asker(), warn=_warn)
    from mailferry.cli.verify import verify
    from mailferry.sync.verify import VerifyOptions

    options = VerifyOptions(
        filter=folder_filter, received=received, quick=arguments.quick, reread_source=arguments.reread_source
    )
    return verify(request, options, resend=arguments.repair)


def _migrate(arguments: argparse.Namespace) -> int:
    from mailferry.cli.migrate_request import make_request

    request = make_request(arguments, os.environ, ask=_asker(), warn=_warn)
    from mailferry.cli.migrate import migrate

    return migrate(request)


def _help(parser: argparse.ArgumentParser, topic: str | None) -> int:
    if topic == "exit-codes":
        from mailferry.cli.helptexts import exit_codes

        print(exit_codes(), end="")
    elif topic:
        parser.parse_args([topic, "--help"])  # ends the program
    else:
        parser.print_help()
    return exitcodes.COMPLETE


def _asker() -> Ask | None:
    """Give what asks for a password without showing it, or None without a terminal."""
    if not (sys.stdin and sys.stdin.isatty()):
        return None
    from getpass import getpass

    return getpass


def _warn(text: str) -> None:
    print(f"mailferry: warning: {text}", file=sys.stderr)


def _tell(error: MailferryError, command: str | None) -> None:
    from mailferry.cli.failures import lines

    told = lines(error)
    if isinstance(error, BadUsage):
        told[1:] = [f"  See mailferry {command} --help." if command else "  See mailferry --help."]
    for line in told:
        print(line, file=sys.stderr)


def _unexpected(error: Exception, *, verbose: bool) -> int:
    """Tell of a defect of ours; the traceback holds no values, so no secrets."""
    print(f"mailferry: {type(error).__name__}: this is a defect of Mailferry, please report it.", file=sys.stderr)
    import traceback

    lines = traceback.format_exception(error) if verbose else traceback.format_exception(error)[-6:]
    print("".join(lines), end="", file=sys.stderr)
    return exitcodes.UNEXPECTED


def _set_up_streams() -> None:
    # A name that cannot be shown in the terminal's encoding must not end the copying.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _let_go_of_stdout() -> None:
    """Nobody reads any more: keep the interpreter from complaining about it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
