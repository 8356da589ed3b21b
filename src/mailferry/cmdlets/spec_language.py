"""The cmdlets of the command language itself: they work on objects and know nothing of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailferry.cmdlets.differences import GROUPS
from mailferry.cmdlets.spec_language_files import FILE_CMDLETS
from mailferry.cmdlets.spec_model import Cmdlet, Example, Parameter, ValueType

T = ValueType

INPUT: Final = Parameter("InputObject", T.OBJECT, "The objects; usually those of the pipeline.", pipeline=True)
COMPARISONS: Final = (
    *("EQ", "NE", "GT", "GE", "LT", "LE", "Like", "NotLike", "Match", "NotMatch"),
    *("Contains", "NotContains", "In", "NotIn"),
)

DATE_PARTS: Final = (
    *(("Year", 1, 9999), ("Month", 1, 12), ("Day", 1, 31), ("Hour", 0, 23), ("Minute", 0, 59), ("Second", 0, 59)),
)


def _properties(text: str, **more: bool) -> Parameter:
    return Parameter("Property", T.STRINGS, text + " Wildcards: Max*.", position=0, mandatory=more.get("needed", False))


def _worked_out(text: str) -> Parameter:
    about = " Wildcards: Max*. Or one that is worked out: @{Name='Done';Expression={$_.SyncedCount}}."
    return Parameter("Property", T.PROPERTIES, text + about, position=0)


def _text(
    verb: str,
    noun: str,
    synopsis: str,
    *parameters: Parameter,
    example: str,
    aliases: tuple[str, ...] = (),
    sets: tuple[str, ...] = (),
    not_there: Mapping[str, str] | None = None,
) -> Cmdlet:
    examples = (Example(example, synopsis),)
    return Cmdlet(
        *(verb, noun, synopsis, synopsis, parameters),
        sets=sets,
        aliases=aliases,
        examples=examples,
        not_there=not_there or {},
    )


FORMAT_LIST = _text(
    "Format",
    "List",
    "Shows objects as a list, a property a line.",
    _worked_out("Which properties; all without it."),
    INPUT,
    aliases=("fl",),
    example="Get-MigrationBatch IMAPBatch1 | Format-List Status,*Count",
)
FORMAT_TABLE = _text(
    "Format",
    "Table",
    "Shows objects as a table.",
    _worked_out("Which columns."),
    Parameter("AutoSize", T.SWITCH, "Taken, without effect: columns always fit.", without_effect=True),
    Parameter("Wrap", T.SWITCH, "Continue long values on the next line instead of cutting them."),
    Parameter("HideTableHeaders", T.SWITCH, "No heading."),
    INPUT,
    aliases=("ft",),
    example="Get-MigrationUser -BatchId IMAPBatch1 | Format-Table Identity,Status,ErrorSummary",
    not_there={"GroupBy": f"Use {GROUPS.instead}"},
)
SELECT = _text(
    "Select",
    "Object",
    "Takes some properties of objects, or some of the objects.",
    _worked_out("Which properties."),
    Parameter("ExpandProperty", T.STRING, "Give the values of this property in place of the objects."),
    Parameter("ExcludeProperty", T.STRINGS, "Without these properties."),
    Parameter("First", T.INT, "The first ones only.", least=0),
    Parameter("Last", T.INT, "The last ones only.", least=0),
    Parameter("Skip", T.INT, "Without the first ones.", least=0),
    Parameter("Unique", T.SWITCH, "Each one only once."),
    INPUT,
    aliases=("select",),
    example="Get-MigrationBatch | Select-Object Identity,@{Name='Open';Expression={$_.TotalCount - $_.SyncedCount}}",
)
WHERE = _text(
    "Where",
    "Object",
    "Takes the objects for which a condition holds.",
    Parameter(
        "FilterScript", T.SCRIPT_BLOCK, "The condition; $_ is the object.", position=0, mandatory=True, sets=("Script",)
    ),
    Parameter("Property", T.STRING, "The property that is compared.", position=0, mandatory=True, sets=("Compare",)),
    Parameter("Value", T.OBJECT, "What it is compared with.", position=1, sets=("Compare",)),
    *(Parameter(name, T.SWITCH, f"The comparison -{name.lower()}.", sets=("Compare",)) for name in COMPARISONS),
    INPUT,
    sets=("Script", "Compare"),
    aliases=("where", "?"),
    example='Get-MigrationUser | Where-Object { $_.Status -eq "Failed" }',
)
SORT = _text(
    "Sort",
    "Object",
    "Puts objects in order.",
    Parameter(
        "Property",
        T.PROPERTIES,
        "By these properties, by script blocks, or by tables: @{Expression={$_.SyncedCount};Descending=$true}.",
        position=0,
    ),
    Parameter("Descending", T.SWITCH, "The greatest first."),
    Parameter("Unique", T.SWITCH, "Each one only once."),
    INPUT,
    aliases=("sort",),
    example="Get-MigrationUser | Sort-Object SkippedItemCount -Descending",
)
GROUP = _text(
    "Group",
    "Object",
    "Puts objects with the same values together and counts them.",
    _properties("By these properties.", needed=True),
    Parameter("NoElement", T.SWITCH, "Count only."),
    INPUT,
    aliases=("group",),
    example="Get-MigrationUser -BatchId IMAPBatch1 | Group-Object Status",
)
MEASURE = _text(
    "Measure",
    "Object",
    "Counts objects, or adds up a property of them.",
    _properties("Of which properties."),
    *(Parameter(name, T.SWITCH, f"{name} of the values.") for name in ("Sum", "Average", "Minimum", "Maximum")),
    INPUT,
    aliases=("measure",),
    example="Get-MigrationUser | Measure-Object SyncedItemCount -Sum",
)
FOR_EACH = _text(
    "ForEach",
    "Object",
    "Runs a script block for each object, or takes a member of each.",
    Parameter(
        "Process",
        T.OBJECT,
        "The script block, or the name of a member; $_ is the object.",
        position=0,
        mandatory=True,
        aliases=("MemberName",),
    ),
    INPUT,
    aliases=("foreach", "%"),
    example="Get-MigrationUser | ForEach-Object { $_.Identity }",
)
TO_JSON = _text(
    "ConvertTo",
    "Json",
    "Makes JSON of objects.",
    Parameter("Depth", T.INT, "How deep objects within objects are shown.", default="4", least=0, most=100),
    Parameter("Compress", T.SWITCH, "Without line ends and spaces."),
    INPUT,
    example="Get-MigrationBatch | ConvertTo-Json",
)
GET_MEMBER = _text(
    "Get",
    "Member",
    "Shows which properties objects have.",
    INPUT,
    aliases=("gm",),
    example="Get-MigrationBatch | Get-Member",
)
GET_DATE = _text(
    "Get",
    "Date",
    "Gives the moment, now or of a text.",
    Parameter("Date", T.DATE_TIME, "The moment; without a zone it is UTC.", position=0, default="now"),
    Parameter("Format", T.STRING, "Give a text in this format of .NET: yyyy-MM-dd HH:mm, or a letter such as s or o."),
    *(
        Parameter(part, T.INT, f"With this {part.lower()} in place of its own.", least=least, most=most)
        for part, least, most in DATE_PARTS
    ),
    Parameter("AsUTC", T.SWITCH, "Taken, without effect: moments are in UTC.", without_effect=True, quiet=True),
    example="(Get-Date -Hour 18 -Minute 0 -Second 0).AddDays(2)",
)
GET_HELP = _text(
    "Get",
    "Help",
    "Shows what a cmdlet does.",
    Parameter("Name", T.STRING, "The cmdlet; wildcards list several.", position=0, pipeline=True),
    Parameter("Examples", T.SWITCH, "Show the examples."),
    Parameter("Detailed", T.SWITCH, "Show the parameters and the examples."),
    Parameter("Full", T.SWITCH, "Show all."),
    Parameter("Parameter", T.STRINGS, "Show these parameters."),
    aliases=("help", "man"),
    example="Get-Help New-MigrationBatch -Examples",
)
GET_COMMAND = _text(
    "Get",
    "Command",
    "Shows which cmdlets there are.",
    Parameter("Name", T.STRINGS, "Those of these names; wildcards: *Migration*.", position=0, pipeline=True),
    Parameter("Verb", T.STRINGS, "Those of these verbs."),
    Parameter("Noun", T.STRINGS, "Those of these nouns."),
    aliases=("gcm",),
    example="Get-Command *Migration*",
)
WRITE_OUTPUT = _text(
    "Write",
    "Output",
    "Gives objects to the pipeline.",
    Parameter("InputObject", T.OBJECT, "The objects.", position=0, pipeline=True, takes_rest=True),
    aliases=("echo", "write"),
    example="Write-Output terrya@contoso.edu,annb@contoso.edu | Get-MigrationUser",
)
WRITE_HOST = _text(
    "Write",
    "Host",
    "Shows a text.",
    Parameter("Object", T.OBJECT, "The text.", position=0, pipeline=True, takes_rest=True),
    *(
        Parameter(name, T.STRING, "Taken, without effect.", without_effect=True)
        for name in ("ForegroundColor", "BackgroundColor")
    ),
    example='Write-Host "The batch is $($batch.Status)."',
)
READ_HOST = _text(
    "Read",
    "Host",
    "Asks the person at the console.",
    Parameter("Prompt", T.STRING, "The question.", position=0),
    Parameter("AsSecureString", T.SWITCH, "Ask for a password: what is typed is not shown."),
    example='$password = Read-Host "Password of mailadmin" -AsSecureString',
)
SECURE_STRING = _text(
    "ConvertTo",
    "SecureString",
    "Makes a SecureString of a text.",
    Parameter("String", T.STRING, "The text.", position=0, mandatory=True, pipeline=True),
    Parameter("AsPlainText", T.SWITCH, "The text is not encrypted. It must be given."),
    Parameter("Force", T.SWITCH, "Taken, without effect.", without_effect=True),
    example="ConvertTo-SecureString $env:MAILADMIN_PASSWORD -AsPlainText -Force",
)

LANGUAGE_CMDLETS: Final = (
    *(FORMAT_LIST, FORMAT_TABLE, SELECT, WHERE, SORT, GROUP, MEASURE, FOR_EACH, TO_JSON, GET_MEMBER, GET_DATE),
    *(GET_HELP, GET_COMMAND, WRITE_OUTPUT, WRITE_HOST, READ_HOST, SECURE_STRING),
    *FILE_CMDLETS,
)
