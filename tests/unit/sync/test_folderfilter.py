import pytest

from mailferry.sync.folderfilter import FolderFilter, Pattern
from mailferry.sync.foldernames import Parts, WellKnown

FOLDERS: list[Parts] = [
    ("INBOX",),
    ("INBOX", "Sub"),
    ("Clients",),
    ("Clients", "2024"),
    ("Clients", "2024", "May"),
    ("Clients2",),
    ("Gesendet",),
    ("Gesendet", "Alt"),
    ("#Notes#",),
    ("#1 Clients",),
    ("Notizen",),
    ("A/B",),
    ("Sales * 50 %",),
    ("Dom\\ino",),
    ("Straße",),
    ("Trailing ",),
]
PLACES = {
    WellKnown.INBOX: [("INBOX",)],
    WellKnown.SENT: [("Gesendet",)],
    WellKnown.NOTES: [("Notizen",)],
}


def matched(pattern: str) -> set[str]:
    parsed = Pattern.parse(pattern)
    return {"|".join(parts) for parts in FOLDERS if parsed.matches(parts, PLACES)}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("Clients", {"Clients"}),
        ("clients/2024", {"Clients|2024"}),
        ("/Clients", {"Clients"}),
        ("CLIENTS/*", {"Clients", "Clients|2024", "Clients|2024|May"}),
        ("Clients/2024/*", {"Clients|2024", "Clients|2024|May"}),
        ("inbox", {"INBOX"}),
        ("#inbox#", {"INBOX"}),
        ("#Inbox#/*", {"INBOX", "INBOX|Sub"}),
        ("#Inbox#/sub", {"INBOX|Sub"}),
        ("#SentItems#", {"Gesendet"}),
        ("#sentitems#/*", {"Gesendet", "Gesendet|Alt"}),
        ("#Notes#", {"Notizen"}),
        (r"\#Notes\#", {"#Notes#"}),
        ("#1 Clients", {"#1 Clients"}),
        ("#Drafts#", set()),
        ("#Root#", set()),
        ("#Root#/Clients2", {"Clients2"}),
        (r"A\/B", {"A/B"}),
        ("A/B", set()),
        (r"Sales \* 50 %", {"Sales * 50 %"}),
        ("Dom\\ino", {"Dom\\ino"}),
        (r"Dom\\ino", {"Dom\\ino"}),
        ("STRASSE", {"Straße"}),
        ("Trailing", {"Trailing "}),
        ("Client", set()),
    ],
)
def test_what_a_pattern_means(pattern: str, expected: set[str]) -> None:
    assert matched(pattern) == expected


@pytest.mark.parametrize("pattern", ["/*", "#Root#/*"])
def test_the_whole_tree(pattern: str) -> None:
    assert len(matched(pattern)) == len(FOLDERS)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "names no folder"),
        ("  ", "names no folder"),
        ("/", "names no folder"),
        ("*", "only stand at the end"),
        ("Cli*", "only stand at the end"),
        ("Clients/*/May", "only stand at the end"),
        ("Clients*", "only stand at the end"),
        ("#Inbox#/*/*", "only stand at the end"),
        ("Clients//May", "no name before or after"),
        ("Clients/", "no name before or after"),
        ("Clients//*", "no name before or after"),
        ("#Sent#", "#SentItems#"),
        ("##", "no well-known folder"),
    ],
)
def test_a_malformed_pattern_says_what_is_wrong(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        FolderFilter.parse(["Good"], [pattern])
    assert repr(pattern) in str(caught.value)


def test_the_error_for_an_unknown_alias_tells_how_to_name_a_real_folder() -> None:
    with pytest.raises(ValueError, match=r"\\#Offers\\#"):
        Pattern.parse("#Offers#")


@pytest.mark.parametrize("kind", list(WellKnown))
def test_every_well_known_folder_has_its_alias(kind: WellKnown) -> None:
    pattern = Pattern.parse(f"#{kind.value.upper()}#/*")
    assert pattern.matches(("Somewhere", "X", "Below"), {kind: [("Somewhere", "X")]})
    assert not pattern.matches(("Somewhere",), {kind: [("Somewhere", "X")]})


def test_an_empty_filter_wants_everything() -> None:
    wanted = FolderFilter.parse([], [])
    assert [wanted.objection(parts, PLACES) for parts in FOLDERS] == [""] * len(FOLDERS)


def test_exclude_wins_over_include() -> None:
    wanted = FolderFilter.parse(["Clients/*"], ["Clients/2024/*"])
    assert wanted.objection(("Clients",), PLACES) == ""
    assert wanted.objection(("Clients", "2024", "May"), PLACES) == "excluded by 'Clients/2024/*'"
    assert wanted.objection(("INBOX",), PLACES) == "not among the included folders"


def test_excluding_a_folder_keeps_those_below() -> None:
    wanted = FolderFilter.parse([], ["Clients"])
    assert wanted.objection(("Clients",), PLACES)
    assert not wanted.objection(("Clients", "2024"), PLACES)


def test_patterns_that_match_nothing_are_told_once() -> None:
    wanted = FolderFilter.parse(["Clients", "Clinets"], ["Clinets", "#Drafts#"])
    assert wanted.unmatched(FOLDERS, PLACES) == ["Clinets", "#Drafts#"]


def test_only_an_entry_without_subfolders_names_a_folder() -> None:
    wanted = FolderFilter.parse(["Clients/*", "INBOX"], [])
    assert wanted.names(("INBOX",), PLACES)
    assert not wanted.names(("Clients", "2024"), PLACES)
