"""The PowerShell module MailFerry, as far as it is made from the table: its files and their texts.

What sends requests and reads answers is written by hand and lies beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailferry import __version__
from mailferry.cmdlets.powershell_function import function_file
from mailferry.cmdlets.powershell_objects import format_file, kinds_file
from mailferry.cmdlets.powershell_text import MADE, array, joined, quoted, table
from mailferry.cmdlets.spec import CMDLETS
from mailferry.cmdlets.spec_model import Cmdlet
from mailferry.cmdlets.spec_objects import OBJECT_KINDS

OWN_FUNCTIONS: Final = ("Connect-MailFerry", "Disconnect-MailFerry")
"""The functions of the module that are written by hand."""

GUID: Final = "5a1f7c1e-6f0b-4d0a-9a53-2c8e51b0d7f4"
"""What the module is known by to PowerShell. It stays."""


def module_files() -> Mapping[str, str]:
    """Give the text of each file that is made from the table, by its path within the module's folder."""
    files = {
        "MailFerry.psd1": manifest(),
        "MailFerry.Format.ps1xml": format_file(OBJECT_KINDS),
        "Private/Kinds.ps1": kinds_file(OBJECT_KINDS, CMDLETS),
    }
    for cmdlet in CMDLETS:
        files[f"Public/{cmdlet.name}.ps1"] = function_file(cmdlet, _related(cmdlet))
    return files


def manifest() -> str:
    """Give the manifest of the module."""
    functions = [*OWN_FUNCTIONS, *(cmdlet.name for cmdlet in CMDLETS)]
    aliases = [alias for cmdlet in CMDLETS for alias in cmdlet.aliases]
    rows = [
        ("RootModule", quoted("MailFerry.psm1")),
        ("ModuleVersion", quoted(__version__)),
        ("GUID", quoted(GUID)),
        ("Author", quoted("The Mailferry project")),
        ("Description", quoted("Migrates mailboxes from IMAP servers with the cmdlets of Exchange Online.")),
        ("PowerShellVersion", quoted("5.1")),
        ("CompatiblePSEditions", array(("Desktop", "Core"))),
        ("FormatsToProcess", array(("MailFerry.Format.ps1xml",))),
        ("FunctionsToExport", "@(\n" + ",\n".join(f"        {quoted(name)}" for name in functions) + "\n    )"),
        ("CmdletsToExport", "@()"),
        ("VariablesToExport", "@()"),
        ("AliasesToExport", array(aliases)),
    ]
    return joined([f"# {MADE}", *table("", rows)])


def _related(cmdlet: Cmdlet) -> tuple[str, ...]:
    others = (other.name for other in CMDLETS if other.noun == cmdlet.noun and other is not cmdlet)
    return (*others, OWN_FUNCTIONS[0])
