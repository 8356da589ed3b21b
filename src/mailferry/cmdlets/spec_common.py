"""Parameters that many cmdlets have."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_model import Parameter, ValueType

T = ValueType

WHAT_IF: Final = Parameter("WhatIf", T.SWITCH, "Say what would be done, and do nothing.", aliases=("wi",))
CONFIRM: Final = Parameter(
    "Confirm", T.SWITCH, "Ask before anything is done; -Confirm:$false does not ask.", aliases=("cf",)
)
ERROR_ACTION: Final = Parameter(
    "ErrorAction",
    T.CHOICE,
    "What an error leads to: the next command runs (Continue), the same without a word (SilentlyContinue, Ignore), or "
    "all ends (Stop).",
    choices=("Continue", "SilentlyContinue", "Ignore", "Stop"),
    default="Continue",
    aliases=("ea",),
)
WARNING_ACTION: Final = Parameter(
    "WarningAction",
    T.CHOICE,
    "Whether warnings are shown.",
    choices=("Continue", "SilentlyContinue", "Ignore"),
    default="Continue",
    aliases=("wa",),
)
VERBOSE: Final = Parameter("Verbose", T.SWITCH, "Show each request to the service.", aliases=("vb",))
DEBUG: Final = Parameter("Debug", T.SWITCH, "Taken, without effect.", aliases=("db",), without_effect=True, quiet=True)

COMMON: Final = (ERROR_ACTION, WARNING_ACTION, VERBOSE, DEBUG)
"""What every cmdlet has."""

CHANGING: Final = (WHAT_IF, CONFIRM)
"""What every cmdlet has that changes something."""

RESULT_SIZE: Final = Parameter(
    "ResultSize", T.UNLIMITED, "How many objects at most: a number, or Unlimited.", default="1000", least=1
)

PARTITION: Final = Parameter("Partition", T.STRING, "Reserved. Taken, without effect.", without_effect=True, quiet=True)
DIAGNOSTIC_INFO: Final = Parameter(
    "DiagnosticInfo", T.STRING, "Taken, without effect: use -Verbose and the log of the service.", without_effect=True
)


def identity(noun: str, text: str = "", *, mandatory: bool = True, sets: tuple[str, ...] = ()) -> Parameter:
    """Make the parameter Identity, which is the first position everywhere and takes the objects of a pipeline."""
    help_text = text or f"The {noun}: its name or its GUID."
    return Parameter("Identity", T.STRING, help_text, position=0, mandatory=mandatory, pipeline=True, sets=sets)


UNUSED_IDENTITY: Final = Parameter(
    "Identity", T.STRING, "Taken, without effect: there is only one.", position=0, without_effect=True, quiet=True
)

UNUSED_FORCE: Final = Parameter(
    "Force", T.SWITCH, "Taken, without effect: whatever its state, it can be removed.", without_effect=True, quiet=True
)
