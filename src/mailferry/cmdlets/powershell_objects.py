"""The objects of the PowerShell module: what makes them of answers, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree

from mailferry.cmdlets.powershell_text import MADE, block, constant, joined, quoted, table
from mailferry.cmdlets.spec_model import Cmdlet, ObjectKind, Property, Shape

S = Shape

READERS: Final[Mapping[Shape, str]] = {
    S.TEXT: "Get-MailFerryText",
    S.GRADE: "Get-MailFerryGrade",
    S.NUMBER: "Get-MailFerryNumber",
    S.FLAG: "Get-MailFerryFlag",
    S.MOMENT: "Get-MailFerryMoment",
    S.SECONDS: "Get-MailFerryDuration",
    S.SIZE: "Get-MailFerrySize",
    S.LIST: "Get-MailFerryList",
    S.LINES: "Get-MailFerryLine",
    S.OBJECTS: "Get-MailFerryInner",
}
"""The functions of the module that read a field."""

TYPE_PREFIX: Final = "MailFerry."


def kinds_file(kinds: Iterable[ObjectKind], cmdlets: Iterable[Cmdlet]) -> str:
    """Give the file that knows the kinds of objects and the names of fields."""
    listed = [kind for kind in kinds if kind.properties]
    makers = [line for kind in listed for line in block(quoted(kind.name), _made(kind))]
    nouns = [f"{quoted(kind.name)} {{ return {quoted(kind.noun)} }}" for kind in kinds]
    return joined(
        [
            f"# {MADE}",
            "",
            *block(
                "function ConvertTo-MailFerryObject",
                [
                    "# Make the object that a cmdlet gives of one that the service answers.",
                    "param([string] $Kind, [object] $Data)",
                    "",
                    *block("switch ($Kind)", makers),
                ],
            ),
            "",
            *block(
                "function Get-MailFerryNoun",
                [
                    "# Say what a kind of object is called.",
                    "param([string] $Kind)",
                    "",
                    *block("switch ($Kind)", nouns),
                    "return 'object'",
                ],
            ),
            "",
            *block(
                "function Get-MailFerryParameterName",
                [
                    "# Say which parameter stands for a field of a request, so that errors can name it.",
                    *table("return ", [(name, quoted(parameter)) for name, parameter in field_names(cmdlets).items()]),
                ],
            ),
        ]
    )


def field_names(cmdlets: Iterable[Cmdlet]) -> dict[str, str]:
    """Map the fields of requests to parameters. Single words are left out: errors have them for other reasons too."""
    found: dict[str, str] = {}
    for cmdlet in cmdlets:
        for call in cmdlet.calls:
            for parameter, name in (*call.body.items(), *call.query.items()):
                if "_" in name:
                    found.setdefault(name, parameter)
    return dict(sorted(found.items()))


def format_file(kinds: Iterable[ObjectKind]) -> str:
    """Give the views: a table for kinds that have columns, else a list of all properties."""
    root = ElementTree.Element("Configuration")
    root.append(ElementTree.Comment(f" {MADE} "))
    definitions = ElementTree.SubElement(root, "ViewDefinitions")
    for kind in kinds:
        if kind.properties:
            definitions.append(_view(kind))
    ElementTree.indent(root, "  ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _made(kind: ObjectKind) -> list[str]:
    rows = [("PSTypeName", quoted(TYPE_PREFIX + kind.name))]
    return table("return [pscustomobject]", [*rows, *((each.name, _read(each)) for each in kind.properties)])


def _read(each: Property) -> str:
    if each.shape is S.CONSTANT:
        return constant(each.constant)
    read = f"{READERS[each.shape]} -Data $Data -Name {quoted(each.field)}"
    if each.shape is S.LINES:
        return f"{read} -Template {quoted(each.constant)}"
    return f"{read} -Kind {quoted(each.constant)}" if each.shape is S.OBJECTS else read


def _view(kind: ObjectKind) -> ElementTree.Element:
    view = ElementTree.Element("View")
    _text(view, "Name", TYPE_PREFIX + kind.name)
    _text(ElementTree.SubElement(view, "ViewSelectedBy"), "TypeName", TYPE_PREFIX + kind.name)
    if kind.columns:
        _table(ElementTree.SubElement(view, "TableControl"), kind)
        return view
    control = ElementTree.SubElement(view, "ListControl")
    entry = ElementTree.SubElement(ElementTree.SubElement(control, "ListEntries"), "ListEntry")
    items = ElementTree.SubElement(entry, "ListItems")
    for each in kind.properties:
        _text(ElementTree.SubElement(items, "ListItem"), "PropertyName", each.name)
    return view


def _table(control: ElementTree.Element, kind: ObjectKind) -> None:
    shapes = {each.name: each.shape for each in kind.properties}
    headers = ElementTree.SubElement(control, "TableHeaders")
    entries = ElementTree.SubElement(control, "TableRowEntries")
    items = ElementTree.SubElement(ElementTree.SubElement(entries, "TableRowEntry"), "TableColumnItems")
    for label, name in kind.columns:
        header = ElementTree.SubElement(headers, "TableColumnHeader")
        _text(header, "Label", label)
        if shapes[name] is S.NUMBER:
            _text(header, "Alignment", "Right")
        _text(ElementTree.SubElement(items, "TableColumnItem"), "PropertyName", name)


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text
