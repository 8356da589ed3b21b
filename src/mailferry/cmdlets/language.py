"""Runs the cmdlets of the command language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailferry.cmdlets import language_objects as objects
from mailferry.cmdlets import language_text as text
from mailferry.cmdlets.helping import get_command, get_help
from mailferry.cmdlets.running import Runner

RUNNERS: Final[Mapping[str, Runner]] = {
    "Format-List": objects.format_list,
    "Format-Table": objects.format_table,
    "Select-Object": objects.select_object,
    "Where-Object": objects.where_object,
    "Sort-Object": objects.sort_object,
    "Group-Object": objects.group_object,
    "Measure-Object": objects.measure_object,
    "ForEach-Object": objects.for_each_object,
    "Get-Member": objects.get_member,
    "ConvertTo-Json": text.convert_to_json,
    "ConvertTo-Csv": text.convert_to_csv,
    "Export-Csv": text.export_csv,
    "Import-Csv": text.import_csv,
    "Out-File": text.out_file,
    "Out-String": text.out_string,
    "Out-Null": text.out_null,
    "Get-Content": text.get_content,
    "Get-Date": text.get_date,
    "Write-Output": text.write_output,
    "Write-Host": text.write_host,
    "Read-Host": text.read_host,
    "ConvertTo-SecureString": text.convert_to_secure_string,
    "Get-Help": get_help,
    "Get-Command": get_command,
}
"""What runs each of them; the other cmdlets are the service's (`calling.py`)."""
