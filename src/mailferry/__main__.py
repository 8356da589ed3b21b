"""`mailferry` and `python -m mailferry`."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # signal without its enums, which take long to load
import gc

_YOUNG_OBJECTS = 100_000
_LARGEST_BLOCK = 4 << 20


def run() -> int:
    """Run a command and give its exit code.

    Until the command is loaded, and again when it is done, Ctrl-C ends the process without a word, as it does most
    programs; meanwhile it stops what runs (`cli/stopping.py`).
    """
    # What is loaded stays, and a copy leaves no cycles behind: looking for garbage took a tenth of a short run.
    gc.set_threshold(_YOUNG_OBJECTS)
    # To the GNU library's malloc the largest block given back says what is large: memory goes back to the system only
    # when twice as much lies free (mallopt(3)). Receive buffers come and go, and each new page costs a fault.
    bytes(_LARGEST_BLOCK)
    theirs = signal.getsignal(signal.SIGINT)
    loading = signal.SIG_DFL if theirs is signal.default_int_handler else theirs  # a shell's "&" has it ignored
    signal.signal(signal.SIGINT, loading)
    from mailferry.cli.main import main

    try:
        signal.signal(signal.SIGINT, theirs)
        return main()
    except KeyboardInterrupt:  # before or after the part of it that knows what to do
        return 130
    finally:
        signal.signal(signal.SIGINT, loading)
        gc.freeze()  # the interpreter's end need not look either


if __name__ == "__main__":
    raise SystemExit(run())
