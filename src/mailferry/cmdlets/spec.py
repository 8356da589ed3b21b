"""The table of cmdlets: the one place that says which there are, what they take, and what they ask of the service.

From it come the console, the Unix spelling, the completion, the PowerShell module and the reference pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from mailferry.cmdlets.spec_batches import BATCH_CMDLETS
from mailferry.cmdlets.spec_common import CHANGING, COMMON
from mailferry.cmdlets.spec_endpoints import ENDPOINT_CMDLETS
from mailferry.cmdlets.spec_language import LANGUAGE_CMDLETS
from mailferry.cmdlets.spec_model import Cmdlet, Parameter
from mailferry.cmdlets.spec_service import SERVICE_CMDLETS
from mailferry.cmdlets.spec_target import TARGET_CMDLETS
from mailferry.cmdlets.spec_users import USER_CMDLETS

CMDLETS: Final = (*SERVICE_CMDLETS, *ENDPOINT_CMDLETS, *BATCH_CMDLETS, *USER_CMDLETS, *TARGET_CMDLETS)
"""The cmdlets that ask the service: those of the reference, the Unix spelling and the PowerShell module."""

ALL_CMDLETS: Final = (*CMDLETS, *LANGUAGE_CMDLETS)
"""Those, and the ones of the command language."""


@cache
def _by_name() -> Mapping[str, Cmdlet]:
    return {name.lower(): cmdlet for cmdlet in ALL_CMDLETS for name in (cmdlet.name, *cmdlet.aliases)}


def find_cmdlet(name: str) -> Cmdlet | None:
    """Find a cmdlet by its name or an alias, in any case."""
    return _by_name().get(name.lower())


def matching(pattern: str) -> list[Cmdlet]:
    """Give the cmdlets whose name fits a pattern with `*` and `?`, in any case, by name."""
    wanted = pattern.lower()
    return sorted((c for c in ALL_CMDLETS if fnmatchcase(c.name.lower(), wanted)), key=lambda c: (c.noun, c.verb))


def all_parameters(cmdlet: Cmdlet) -> tuple[Parameter, ...]:
    """Give the parameters of a cmdlet with those that all cmdlets have, or all that change something."""
    return (*cmdlet.parameters, *(CHANGING if cmdlet.changes else ()), *COMMON)
