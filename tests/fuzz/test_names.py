"""Whatever two servers list, the map is complete, injective, stable, and made of names that the target can store."""

from __future__ import annotations

from collections import Counter
from unicodedata import normalize

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailferry.backends.base import Features, FolderPath, Listed, SpecialUse
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.names import FolderMap, map_folders
from mailferry.sync.targetnames import TargetNames, stored_bytes

# Few names, so that they clash, with everything that has a rule; and any text at all.
_NAMES = [
    "INBOX", "Inbox", "Foo", "foo", "FOO", "foo (2)", "Foo ", " foo", "A.B", "A_B", "A/B", "a\\b", "x\r\ny", "..",
    "~home", "Files", "Sent", "Sent Items", "SENT", "Gesendet", "Trash", "Papierkorb", "Notes", "Kalender", "[Gmail]",
    "All Mail", "Todos",
    "Caf\u00e9", "Cafe\u0301", "Straße", "STRASSE", "\ud800", "ü" * 90, "Ü" * 90, "x" * 300, "a^b", " ", "a  b",
]  # fmt: skip
names = st.sampled_from(_NAMES) | st.text(st.characters(), min_size=1, max_size=8)
below = st.lists(names, max_size=2).map(tuple)
tops = st.sampled_from(["INBOX", "Foo", "[Gmail]"]) | names
paths = st.builds(lambda top, rest: FolderPath((top, *rest)), tops, below)
uses = st.none() | st.sampled_from(SpecialUse)
features = st.builds(
    Features,
    st.just("fuzzed"),
    delimiter=st.sampled_from(["/", ".", "\\", "_", None]),
    folder_name_bytes=st.sampled_from([32, 64, 240]),
    forbidden_characters=st.sampled_from(["", "/", "/o"]),
    forbidden_first=st.sampled_from(["", "~", "~F"]),
    path_bytes=st.sampled_from([None, 40, 250]),
    case_insensitive=st.booleans(),
    children_of_inbox=st.booleans(),
    is_exchange=st.booleans(),
    is_gmail=st.booleans(),
)


@st.composite
def listings(draw: st.DrawFn) -> list[Listed]:
    """Give folders in any order, some listed twice, each listing with a raw name of its own."""
    listed = draw(st.lists(st.tuples(paths, st.booleans(), uses), max_size=12))
    return [
        Listed(path, b"%d" % number, selectable=yes, special_use=use) for number, (path, yes, use) in enumerate(listed)
    ]


filters = st.builds(
    FolderFilter.parse,
    st.lists(st.sampled_from(["#Inbox#/*", "Foo/*", "sent", "#SentItems#/*", "[gmail]/All Mail", "/*"]), max_size=2),
    st.lists(st.sampled_from(["foo", "#DeletedItems#", "Sent/*", "#AllItems#"]), max_size=2),
)


def run(
    source: list[Listed],
    target: list[Listed],
    here: Features,
    there: Features,
    wanted: FolderFilter,
    known: dict[bytes, FolderPath],
) -> FolderMap:
    result = map_folders(source, target, here, there, known, wanted)
    check_complete(source, result)
    check_injective(there, result)
    check_order(target, there, result)
    return result


def equal_for(there: Features, parts: tuple[str, ...]) -> tuple[str, ...]:
    """Give the form in which paths are compared, said once more and independently."""
    spelt = ["INBOX" if level == 0 and part.casefold() == "inbox" else part for level, part in enumerate(parts)]
    if not there.case_insensitive:
        return tuple(spelt)
    return tuple(normalize("NFC", normalize("NFD", part).casefold()) for part in spelt)


def check_injective(there: Features, result: FolderMap) -> None:
    keys = Counter(equal_for(there, e.target.parts) for e in result.entries)
    assert not keys or max(keys.values()) == 1
    for entry in result.entries:
        if entry.target.parts[0].casefold() == "inbox" and len(entry.target.parts) == 1:
            assert entry.source.path.parts[0].casefold() == "inbox"
            assert len(entry.source.path.parts) == 1


def check_complete(source: list[Listed], result: FolderMap) -> None:
    seen = [e.source.raw_name for e in result.entries] + [out.source.raw_name for out in result.left_out]
    assert Counter(seen) == Counter(folder.raw_name for folder in source)
    assert all(e.source.selectable and e.reason for e in result.entries)
    assert all(out.text for out in result.left_out)


def check_order(target: list[Listed], there: Features, result: FolderMap) -> None:
    rules = TargetNames(there, target)
    made: set[tuple[str, ...]] = {("INBOX",)}
    for path, _ in result.to_create:
        key = rules.key(path.parts)
        assert key not in made
        assert path.parent is None or rules.key(path.parent.parts) in made or rules.is_listed(path.parent.parts)
        made.add(key)
    for entry in result.entries:
        assert entry.exists is (rules.key(entry.target.parts) not in made or entry.target.parts == ("INBOX",))


def check_valid(path: FolderPath, there: Features) -> None:
    assert there.delimiter is not None or len(path.parts) == 1
    assert there.children_of_inbox or path.parts[0] != "INBOX" or len(path.parts) == 1
    assert there.path_bytes is None or sum(stored_bytes(part) + 1 for part in path.parts) - 1 <= there.path_bytes
    assert path.parts == ("INBOX",) or path.parts[0][0] not in tuple(there.forbidden_first)
    for part in path.parts:
        assert not set(part) & set(there.forbidden_characters)
        assert stored_bytes(part) <= there.folder_name_bytes
        assert there.delimiter is None or there.delimiter not in part
        assert all(" " <= char != "\x7f" for char in part)
        assert part not in (".", "..")
        if there.is_exchange or there.is_gmail:
            assert part == part.strip()
        if there.is_gmail:
            assert "  " not in part
            assert "^" not in part
    if there.is_exchange:
        assert path.parts[0].casefold() != "files"


@settings(max_examples=400, deadline=None)
@given(listings(), listings(), features, features, filters)
@example([], [], Features("a"), Features("b"), FolderFilter())
def test_the_map_is_complete_injective_and_stable(
    source: list[Listed], target: list[Listed], here: Features, there: Features, wanted: FolderFilter
) -> None:
    first = run(source, target, here, there, wanted, {})
    assert run(source[::-1], target[::-1], here, there, wanted, {}) == first

    known = {e.source.raw_name: e.target for e in first.entries}
    made = [Listed(path, b"made %d" % number, special_use=use) for number, (path, use) in enumerate(first.to_create)]
    second = run(source, target + made, here, there, wanted, known)
    assert {e.source.raw_name: e.target for e in second.entries} == known
    assert not second.to_create


@settings(max_examples=300, deadline=None)
@given(listings(), features, features, filters)
def test_new_folders_have_names_that_the_target_can_store(
    source: list[Listed], here: Features, there: Features, wanted: FolderFilter
) -> None:
    for path, _ in run(source, [], here, there, wanted, {}).to_create:
        check_valid(path, there)


@settings(max_examples=300, deadline=None)
@given(listings(), listings(), features, features, filters)
def test_folders_that_appear_later_take_no_place_of_others(
    early: list[Listed], late: list[Listed], here: Features, there: Features, wanted: FolderFilter
) -> None:
    first = run(early, [], here, there, wanted, {})
    known = {e.source.raw_name: e.target for e in first.entries}
    late = [Listed(f.path, b"late " + f.raw_name, f.selectable, special_use=f.special_use) for f in late]
    second = run(early[::2] + late, [], here, there, wanted, known)  # half of the early ones are gone
    assert all(known.get(e.source.raw_name, e.target) == e.target for e in second.entries)
    new = {equal_for(there, e.target.parts) for e in second.entries if e.source.raw_name not in known}
    assert not new & {equal_for(there, stored.parts) for stored in known.values() if str(stored) != "INBOX"}
