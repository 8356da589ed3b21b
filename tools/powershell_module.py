"""Write the parts of clients/powershell/MailFerry/ that are made from the table of cmdlets, and remove old ones.

Usage: .venv/bin/python tools/powershell_module.py
"""

from __future__ import annotations

from pathlib import Path

from mailferry.cmdlets.powershell import OWN_FUNCTIONS, module_files

MODULE = Path(__file__).resolve().parents[1] / "clients" / "powershell" / "MailFerry"


def stale() -> list[Path]:
    """Give the files of functions that are neither in the table nor written by hand."""
    kept = {*module_files(), *(f"Public/{name}.ps1" for name in OWN_FUNCTIONS)}
    return sorted(path for path in MODULE.glob("Public/*") if path.relative_to(MODULE).as_posix() not in kept)


if __name__ == "__main__":
    for old in stale():
        old.unlink()
    for name, text in module_files().items():
        path = MODULE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
