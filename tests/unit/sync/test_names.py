from collections.abc import Mapping, Sequence

import pytest

from mailferry.backends.base import Features, FolderPath, Listed, SpecialUse
from mailferry.backends.maildir import FEATURES as MAILDIR
from mailferry.backends.maildir_names import directory_of
from mailferry.imap import utf7
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.foldernames import (
    NOT_MAIL,
    USES,
    WellKnown,
    candidates,
    folded,
    meaning,
    table,
)
from mailferry.sync.names import FolderMap, LeftOut, MappedFolder, Why, map_folders
from mailferry.sync.targetnames import TargetNames, stored_bytes

PLAIN = Features("plain")
NO_CASE = Features("no case", case_insensitive=True)
EXCHANGE = Features("Exchange", case_insensitive=True, is_exchange=True)
GMAIL = Features("Gmail", is_gmail=True)
COURIER = Features("Courier", delimiter=".")
SENT, DRAFTS, TRASH, JUNK = SpecialUse.SENT, SpecialUse.DRAFTS, SpecialUse.TRASH, SpecialUse.JUNK


def path(text: str) -> FolderPath:
    return FolderPath(tuple(text.split("/")))


def folder(name: str, use: SpecialUse | None = None, *, selectable: bool = True, raw: bytes = b"") -> Listed:
    return Listed(path(name), raw or name.encode(), selectable=selectable, special_use=use)


def listing(*names: str) -> list[Listed]:
    return [folder(name) for name in names]


def mapped(
    source: Sequence[Listed],
    target: Sequence[Listed] = (),
    *,
    here: Features = PLAIN,
    there: Features = PLAIN,
    known: Mapping[bytes, str] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> FolderMap:
    stored = {raw: path(text) for raw, text in (known or {}).items()}
    return map_folders(source, target, here, there, stored, FolderFilter.parse(include, exclude))


def routes(result: FolderMap) -> dict[str, str]:
    return {str(entry.source.path): "/".join(entry.target.parts) for entry in result.entries}


def entry(result: FolderMap, name: str) -> MappedFolder:
    [found] = [e for e in result.entries if str(e.source.path) == name]
    return found


def omitted(result: FolderMap) -> dict[str, Why]:
    return {str(out.source.path): out.code for out in result.left_out}


def created(result: FolderMap) -> list[tuple[str, SpecialUse | None]]:
    return [(str(target), use) for target, use in result.to_create]


class TestPlainNames:
    def test_names_stay_as_they_are(self) -> None:
        result = mapped(listing("INBOX", "Clients", "Clients/2024"), listing("INBOX", "Clients"))
        assert routes(result) == {"INBOX": "INBOX", "Clients": "Clients", "Clients/2024": "Clients/2024"}
        assert {e.reason for e in result.entries} == {"same name"}
        assert [e.exists for e in result.entries] == [True, True, False]
        assert created(result) == [("Clients/2024", None)]
        assert not result.warnings
        assert not result.left_out

    @pytest.mark.parametrize("spelling", ["INBOX", "Inbox", "inbox", "InBoX"])
    def test_inbox_in_any_spelling(self, spelling: str) -> None:
        result = mapped([folder(spelling), folder(f"{spelling}/Sub")])
        assert [str(e.target) for e in result.entries] == ["INBOX", "INBOX/Sub"]
        assert created(result) == [("INBOX/Sub", None)]

    def test_inbox_and_its_double_are_one_folder(self) -> None:
        result = mapped(listing("Inbox", "INBOX", "Inbox/A", "INBOX/A"))
        assert routes(result) == {"INBOX": "INBOX", "INBOX/A": "INBOX/A"}
        assert omitted(result) == {"Inbox": Why.LISTED_TWICE, "Inbox/A": Why.LISTED_TWICE}
        assert result.warnings == [
            "the server lists 'INBOX' twice; it is copied once",
            "the server lists 'INBOX/A' twice; it is copied once",
        ]

    def test_of_two_listings_of_one_folder_the_stored_one_is_kept(self) -> None:
        result = mapped(listing("INBOX", "Inbox"), known={b"Inbox": "INBOX"})
        assert [e.source.raw_name for e in result.entries] == [b"Inbox"]

    def test_a_noselect_parent_is_made_only_for_its_children(self) -> None:
        source = [folder("A", selectable=False), folder("A/B"), folder("Empty", selectable=False)]
        result = mapped(source)
        assert created(result) == [("A", None), ("A/B", None)]
        assert omitted(result) == {"A": Why.NOT_SELECTABLE, "Empty": Why.NOT_SELECTABLE}

    def test_a_parent_that_the_source_does_not_list_is_made(self) -> None:
        assert created(mapped(listing("A/B/C"))) == [("A", None), ("A/B", None), ("A/B/C", None)]

    def test_a_parent_that_the_target_shows_only_through_its_children_is_not_made(self) -> None:
        assert created(mapped(listing("A/B"), listing("A/C"))) == [("A/B", None)]

    def test_a_noselect_folder_of_the_target_is_made_to_hold_mail(self) -> None:
        result = mapped(listing("A"), [folder("A", selectable=False)])
        assert created(result) == [("A", None)]
        assert not result.entries[0].exists

    def test_the_stored_map_wins(self) -> None:
        source = [folder("Sent", SENT), folder("Other"), folder("Other/Sub")]
        result = mapped(source, [folder("Sent Items", SENT)], known={b"Sent": "Old/Sent", b"Other": "Sent"})
        assert routes(result) == {"Sent": "Old/Sent", "Other": "Sent", "Other/Sub": "Sent/Sub"}
        assert entry(result, "Sent").reason == "stored"
        assert created(result)[:2] == [("Old", None), ("Old/Sent", None)]

    def test_a_folder_that_is_gone_keeps_its_place(self) -> None:
        result = mapped(listing("a"), listing("A"), there=NO_CASE, known={b"A": "A"})
        assert routes(result) == {"a": "a (2)"}

    def test_a_stored_map_with_two_folders_in_one_is_told(self) -> None:
        result = mapped(listing("A", "B"), known={b"A": "X", b"B": "X"})
        assert result.warnings == ["'A' and 'B' are both stored as going to 'X'"]

    def test_a_bottomless_tree_is_refused_not_built(self) -> None:
        deep = Listed(FolderPath(("x",) * 20_000), b"deep")
        result = mapped([deep, folder("A")])
        assert [out.code for out in result.left_out] == [Why.TOO_DEEP]
        assert len(result.warnings) == 1


class TestOrder:
    def test_copying_begins_with_what_is_needed_first(self) -> None:
        source = [
            *listing("alpha", "Zeta", "INBOX/Sub", "Trash/Old"),
            folder("Trash", TRASH),
            folder("Spam", JUNK),
            folder("Drafts", DRAFTS),
            folder("Post", SENT),
            folder("INBOX"),
        ]
        order = [str(e.source.path) for e in mapped(source).entries]
        assert order == ["INBOX", "Post", "Drafts", "alpha", "INBOX/Sub", "Zeta", "Trash", "Trash/Old", "Spam"]

    def test_the_order_of_the_listing_does_not_matter(self) -> None:
        source = listing("foo", "Foo", "FOO", "foo/x", "Foo/x", "A.B", "A_B")
        forward, backward = mapped(source, there=NO_CASE), mapped(source[::-1], there=NO_CASE)
        assert forward == backward


class TestSpecialUse:
    def test_attribute_to_attribute(self) -> None:
        result = mapped([folder("Skickat", SENT)], [folder("Sent Items", SENT)])
        assert routes(result) == {"Skickat": "Sent Items"}
        assert entry(result, "Skickat").reason == "special use \\Sent"
        assert entry(result, "Skickat").special_use is SENT
        assert not created(result)

    @pytest.mark.parametrize(
        ("mine", "theirs"),
        [
            ("Gesendete Elemente", "Sent"),
            ("Papierkorb", "Deleted Items"),
            ("Éléments supprimés", "Trash"),
            ("E\u0301le\u0301ments supprime\u0301s", "Trash"),
            ("ENTWÜRFE", "Drafts"),
            ("迷惑メール", "Junk Email"),
            ("已发送邮件", "寄件備份"),
            ("Отправленные", "Надіслані"),
            ("보낸 편지함", "送信済みアイテム"),
            ("Archiv", "Archive"),
        ],
    )
    def test_names_of_other_languages(self, mine: str, theirs: str) -> None:
        result = mapped(listing(mine, f"{mine}/2020"), listing(theirs))
        assert routes(result) == {mine: theirs, f"{mine}/2020": f"{theirs}/2020"}
        assert created(result) == [(f"{theirs}/2020", None)]

    def test_attribute_to_name_and_name_to_attribute(self) -> None:
        assert routes(mapped([folder("X", TRASH)], listing("Deleted Items"))) == {"X": "Deleted Items"}
        assert routes(mapped(listing("Deleted Items"), [folder("X", TRASH)])) == {"Deleted Items": "X"}

    def test_without_one_on_the_target_it_is_made_with_its_use(self) -> None:
        result = mapped([folder("Skickat", SENT), folder("Roskakori")], listing("INBOX"))
        assert created(result) == [("Skickat", SENT), ("Roskakori", TRASH)]

    def test_the_attribute_beats_the_name(self) -> None:
        source = [folder("Sent"), folder("Sent Items", SENT)]
        result = mapped(source, [folder("Gesendet", SENT)])
        assert routes(result) == {"Sent Items": "Gesendet", "Sent": "Sent"}

    def test_the_loser_does_not_get_the_special_folder_by_its_name(self) -> None:
        source = [folder("Sent"), folder("Sent Items", SENT)]
        result = mapped(source, [folder("Sent", SENT)])
        assert routes(result) == {"Sent Items": "Sent", "Sent": "Sent (2)"}
        assert result.warnings == ["'Sent' is copied to 'Sent (2)': name taken"]

    def test_nor_if_the_winner_is_excluded(self) -> None:
        source = [folder("Sent"), folder("Sent Items", SENT)]
        result = mapped(source, [folder("Sent", SENT)], exclude=["Sent Items"])
        assert routes(result) == {"Sent": "Sent (2)"}
        assert "name of the special folder \\Sent" in entry(result, "Sent").reason

    def test_a_special_folder_that_is_stored_for_another_is_not_shared(self) -> None:
        source = [folder("Sent"), folder("Post", SENT)]
        result = mapped(source, [folder("Sent Items", SENT)], known={b"Sent": "Sent Items"})
        assert routes(result) == {"Sent": "Sent Items", "Post": "Post"}
        assert created(result) == [("Post", None)]

    def test_of_two_names_the_one_that_the_target_has_wins(self) -> None:
        result = mapped(listing("Sent", "Sent Items"), listing("Sent Items"))
        assert routes(result) == {"Sent": "Sent", "Sent Items": "Sent Items"}

    def test_the_same_name_beats_a_guess(self) -> None:
        result = mapped([folder("Gesendet", SENT)], listing("Sent", "Gesendet"))
        assert routes(result) == {"Gesendet": "Gesendet"}

    def test_a_name_below_the_top_means_nothing(self) -> None:
        result = mapped(listing("A", "A/Sent"), [folder("Sent Items", SENT)])
        assert routes(result)["A/Sent"] == "A/Sent"

    def test_a_name_below_inbox_counts_if_everything_is_there(self) -> None:
        target = [folder("Sent Items", SENT)]
        assert routes(mapped(listing("INBOX", "INBOX/Sent"), target))["INBOX/Sent"] == "Sent Items"
        assert routes(mapped(listing("INBOX", "INBOX/Sent", "A"), target))["INBOX/Sent"] == "INBOX/Sent"

    def test_a_noselect_folder_is_not_special(self) -> None:
        source = [folder("Sent", selectable=False), folder("Gesendet")]
        assert routes(mapped(source, [folder("Sent Items", SENT)])) == {"Gesendet": "Sent Items"}

    def test_children_of_an_excluded_special_folder_follow_it(self) -> None:
        result = mapped(listing("Sent", "Sent/Old"), [folder("Sent Items", SENT)], exclude=["Sent"])
        assert routes(result) == {"Sent/Old": "Sent Items/Old"}

    def test_a_special_folder_of_another_use_is_not_shared(self) -> None:
        source = [folder("Bin", JUNK), folder("Trash", TRASH)]
        result = mapped(source, [folder("Bin", TRASH)])
        assert routes(result) == {"Trash": "Bin", "Bin": "Bin (2)"}

    def test_virtual_folders_are_told(self) -> None:
        result = mapped([folder("Everything", SpecialUse.ALL)])
        assert routes(result) == {"Everything": "Everything"}
        assert created(result) == [("Everything", None)]
        assert "(\\All) usually shows mail of other folders" in result.warnings[0]

    def test_nothing_is_written_into_a_virtual_folder(self) -> None:
        result = mapped(listing("Starred"), [folder("Starred", SpecialUse.FLAGGED)])
        assert routes(result) == {"Starred": "Starred (2)"}


class TestClashes:
    def test_case(self) -> None:
        result = mapped(listing("foo", "Foo", "FOO"), there=NO_CASE)
        assert routes(result) == {"FOO": "FOO", "Foo": "Foo (2)", "foo": "foo (3)"}
        assert entry(result, "foo").reason == "case clash"
        assert result.warnings == [
            "'Foo' is copied to 'Foo (2)': case clash",
            "'foo' is copied to 'foo (3)': case clash",
        ]

    def test_case_matters_where_the_target_says_so(self) -> None:
        assert routes(mapped(listing("foo", "Foo"))) == {"foo": "foo", "Foo": "Foo"}

    def test_unicode_forms(self) -> None:
        names = listing("Caf\u00e9", "Cafe\u0301")
        assert len(set(routes(mapped(names)).values())) == 2
        assert set(routes(mapped(names, there=NO_CASE)).values()) == {"Cafe\u0301", "Caf\u00e9 (2)"}

    def test_the_exact_spelling_on_the_target_goes_first(self) -> None:
        result = mapped(listing("FOO", "foo"), listing("foo"), there=NO_CASE)
        assert routes(result) == {"FOO": "FOO (2)", "foo": "foo"}

    def test_the_spelling_of_the_target_is_used(self) -> None:
        result = mapped(listing("TRASHY", "TRASHY/A"), listing("Trashy"), there=NO_CASE)
        assert routes(result) == {"TRASHY": "Trashy", "TRASHY/A": "Trashy/A"}
        assert entry(result, "TRASHY").reason == "other case on the target"
        assert entry(result, "TRASHY").exists

    def test_children_follow_a_renamed_parent(self) -> None:
        result = mapped(listing("Foo", "foo", "Foo/x", "foo/x"), there=NO_CASE)
        assert routes(result) == {"Foo": "Foo", "foo": "foo (2)", "Foo/x": "Foo/x", "foo/x": "foo (2)/x"}
        assert entry(result, "foo/x").reason == "parent has another name"
        assert len(result.warnings) == 1

    def test_a_number_that_is_taken_is_passed_over(self) -> None:
        result = mapped(listing("Foo", "foo", "foo (2)"), there=NO_CASE)
        assert routes(result) == {"Foo": "Foo", "foo (2)": "foo (2)", "foo": "foo (3)"}

    def test_a_name_that_need_not_change_goes_first(self) -> None:
        result = mapped([folder("A.B"), folder("A_B")], there=COURIER)
        assert routes(result) == {"A_B": "A_B", "A.B": "A_B (2)"}
        assert entry(result, "A.B").reason == "character not allowed, name taken"

    def test_parents_that_hold_no_mail_may_share_a_place(self) -> None:
        source = [folder("Foo", selectable=False), folder("foo"), folder("Foo/x"), folder("foo/x")]
        result = mapped(source, there=NO_CASE)
        assert routes(result) == {"foo": "foo", "Foo/x": "Foo/x", "foo/x": "foo/x (2)"}
        assert [str(target) for target, _ in result.to_create] == ["foo", "Foo/x", "foo/x (2)"]

    def test_without_a_stored_map_the_second_run_finds_the_same_folders(self) -> None:
        source = [*listing("Foo", "foo", "A/B"), folder("Gesendet", SENT)]
        first = mapped(source, there=NO_CASE)
        again = mapped(source, [Listed(target, b"") for target, _ in first.to_create], there=NO_CASE)
        assert routes(again) == routes(first)
        assert not again.to_create


class TestTargetRules:
    @pytest.mark.parametrize(
        ("name", "features", "expected", "reason"),
        [
            ("A.B", COURIER, "A_B", "character not allowed"),
            ("A_B", Features("odd", delimiter="_"), "A-B", "character not allowed"),
            ("A\tB\x7f\ud800", PLAIN, "A_B__", "character not allowed"),
            (" Name ", EXCHANGE, "Name", "blanks removed"),
            (" \u00a0", EXCHANGE, "_", "blanks removed"),
            ("INBOX ", EXCHANGE, "INBOX (2)", "blanks removed, reserved name"),
            ("Files", EXCHANGE, "Files (2)", "reserved name"),
            ("files", EXCHANGE, "files (2)", "reserved name"),
            ("a^b  c", GMAIL, "a_b c", "character not allowed, blanks removed"),
            ("[Gmail]", GMAIL, "[Gmail] (2)", "reserved name"),
            ("..", PLAIN, "__", "character not allowed"),
            (" Name ", PLAIN, " Name ", "same name"),
        ],
    )
    def test_names_that_the_target_cannot_store(
        self, name: str, features: Features, expected: str, reason: str
    ) -> None:
        result = mapped([Listed(FolderPath((name,)), b"x")], there=features)
        assert routes(result) == {name: expected}
        assert result.entries[0].reason == reason
        assert bool(result.warnings) is (name != expected)

    def test_a_slash_in_a_name_is_not_a_level(self) -> None:
        result = mapped([Listed(FolderPath(("A/B", "C")), b"x")])
        assert result.entries[0].target.parts == ("A_B", "C")

    def test_names_reserved_at_the_top_are_free_below(self) -> None:
        assert routes(mapped(listing("A/Files"), there=EXCHANGE)) == {"A/Files": "A/Files"}

    def test_mail_does_not_go_into_the_calendar(self) -> None:
        result = mapped(listing("Kalender", "Calendar", "Kalender/A"), listing("Kalender"), there=EXCHANGE)
        assert routes(result) == {"Kalender": "Kalender (2)", "Calendar": "Calendar", "Kalender/A": "Kalender (2)/A"}

    def test_long_names(self) -> None:
        names = [Listed(FolderPath(("ü" * 60 + end,)), end.encode()) for end in ("a", "b")]
        result = mapped(names, there=Features("short", folder_name_bytes=100))
        parts = [e.target.parts[0] for e in result.entries]
        assert len(set(parts)) == 2
        for part in parts:
            assert 90 < len(utf7.encode(part)) <= 100
            assert part.startswith("üüüüü")
        assert {e.reason for e in result.entries} == {"too long"}

    def test_a_long_name_with_a_number_still_fits(self) -> None:
        short = Features("s", folder_name_bytes=100, case_insensitive=True)
        result = mapped(listing("x" * 99 + "A", "x" * 99 + "a"), there=short)
        assert sorted(len(e.target.parts[0]) for e in result.entries) == [100, 100]

    def test_no_folders_below_inbox(self) -> None:
        features = Features("Domino", children_of_inbox=False)
        result = mapped(listing("INBOX", "INBOX/A", "INBOX/A/B", "A", "INBOX/inbox"), there=features)
        assert routes(result) == {
            "INBOX": "INBOX",
            "A": "A",
            "INBOX/A": "A (2)",
            "INBOX/A/B": "A (2)/B",
            "INBOX/inbox": "inbox (2)",
        }
        assert entry(result, "INBOX/A").reason == "no folders below INBOX, name taken"

    def test_a_flat_target(self) -> None:
        result = mapped(listing("INBOX", "INBOX/A", "B", "B/C", "B_C"), there=Features("flat", delimiter=None))
        assert routes(result) == {"INBOX": "INBOX", "INBOX/A": "A", "B": "B", "B_C": "B_C", "B/C": "B_C (2)"}

    @pytest.mark.parametrize("name", ["", "Plain", "a&b", "é&é", "Entwürfe", "送信済みアイテム", "a😀b", "~!\u00ad"])
    def test_the_length_of_a_name_as_stored(self, name: str) -> None:
        assert stored_bytes(name) >= max(len(utf7.encode(name)), len(name.encode()))
        if name.isascii() or "&" not in name:
            assert stored_bytes(name) == max(len(utf7.encode(name)), len(name.encode()))


class TestExchangeSource:
    NAMES = ("Kalender", "Kontakte", "Aufgaben", "Journal", "Notizen", "Postausgang", "Sync Issues", "Sync Issues/A")

    def test_what_is_not_mail_is_left_out(self) -> None:
        result = mapped(listing("INBOX", *self.NAMES, "A/Notes"), here=EXCHANGE)
        assert omitted(result) == dict.fromkeys(self.NAMES, Why.NOT_MAIL)
        assert set(routes(result)) == {"INBOX", "A/Notes"}

    def test_elsewhere_these_are_mail_folders(self) -> None:
        result = mapped(listing("INBOX", *self.NAMES))
        assert not result.left_out
        assert len(result.entries) == 1 + len(self.NAMES)


class TestGmailSource:
    SOURCE = (
        folder("INBOX"),
        folder("[Gmail]", selectable=False),
        folder("[Gmail]/Alle Nachrichten", SpecialUse.ALL),
        folder("[Gmail]/Gesendet", SENT),
        folder("[Gmail]/Papierkorb", TRASH),
        folder("[Gmail]/Wichtig"),
        folder("Wichtig"),
    )

    def test_to_another_server(self) -> None:
        result = mapped(self.SOURCE, [folder("Sent Items", SENT)], here=GMAIL)
        assert routes(result) == {
            "INBOX": "INBOX",
            "[Gmail]/Gesendet": "Sent Items",
            "[Gmail]/Papierkorb": "Papierkorb",
            "[Gmail]/Wichtig": "Wichtig (2)",
            "Wichtig": "Wichtig",
        }
        assert omitted(result) == {"[Gmail]": Why.NOT_SELECTABLE, "[Gmail]/Alle Nachrichten": Why.ALL_MAIL}
        assert "archived without a label" in result.warnings[0]
        assert created(result) == [("Wichtig (2)", None), ("Wichtig", None), ("Papierkorb", TRASH)]

    def test_to_gmail(self) -> None:
        target = [folder("[Gmail]", selectable=False), folder("[Gmail]/Sent Mail", SENT), folder("[Gmail]/Wichtig")]
        result = mapped(self.SOURCE, target, here=GMAIL, there=GMAIL)
        assert routes(result)["[Gmail]/Gesendet"] == "[Gmail]/Sent Mail"
        assert routes(result)["[Gmail]/Wichtig"] == "[Gmail]/Wichtig"
        assert routes(result)["[Gmail]/Papierkorb"] == "Papierkorb"

    def test_all_mail_by_name(self) -> None:
        result = mapped(listing("[Google Mail]/Todos", "Todos"), here=GMAIL)
        assert omitted(result) == {"[Google Mail]/Todos": Why.ALL_MAIL}
        assert routes(result) == {"Todos": "Todos"}

    @pytest.mark.parametrize("pattern", ["[gmail]/alle nachrichten", "#AllItems#"])
    def test_all_mail_is_copied_if_named(self, pattern: str) -> None:
        result = mapped(self.SOURCE, here=GMAIL, include=[pattern])
        assert routes(result) == {"[Gmail]/Alle Nachrichten": "Alle Nachrichten"}

    def test_all_mail_is_not_copied_if_only_its_parent_is_named(self) -> None:
        result = mapped(self.SOURCE, here=GMAIL, include=["[Gmail]/*"])
        assert omitted(result)["[Gmail]/Alle Nachrichten"] is Why.ALL_MAIL

    def test_a_copy_of_a_gmail_mailbox_goes_to_gmail(self) -> None:
        result = mapped(listing("[Gmail]/Old", "[Gmail]"), [folder("[Gmail]", selectable=False)], there=GMAIL)
        assert routes(result) == {"[Gmail]": "[Gmail] (2)", "[Gmail]/Old": "Old"}


class TestFilter:
    def test_excluded_folders_are_reported(self) -> None:
        result = mapped([*listing("INBOX", "A", "A/B"), folder("Bin", TRASH)], exclude=["A/*", "#DeletedItems#"])
        assert set(routes(result)) == {"INBOX"}
        assert omitted(result) == {"A": Why.EXCLUDED, "A/B": Why.EXCLUDED, "Bin": Why.EXCLUDED}
        assert LeftOut(folder("A"), Why.EXCLUDED, "excluded by 'A/*'") in result.left_out

    def test_a_typing_error_is_told(self) -> None:
        result = mapped(listing("INBOX", "Archive"), include=["#Inbox#", "Archvie"])
        assert result.warnings == ["no folder of the source matches 'Archvie', which is to be included"]
        assert result.unmatched == ["Archvie"]
        result = mapped(listing("INBOX", "Archive"), exclude=["Archvie"])
        assert result.warnings == ["no folder of the source matches 'Archvie', which is to be excluded"]
        assert result.unmatched == []

    def test_a_well_known_folder_by_its_localised_name(self) -> None:
        result = mapped(listing("INBOX", "Entwürfe", "Ordner"), include=["#Drafts#"])
        assert set(routes(result)) == {"Entwürfe"}

    def test_the_parents_of_an_included_folder_are_made(self) -> None:
        assert created(mapped(listing("A", "A/B"), include=["A/B"])) == [("A", None), ("A/B", None)]

    def test_an_excluded_folder_keeps_its_stored_place(self) -> None:
        result = mapped(listing("Foo", "foo"), there=NO_CASE, known={b"Foo": "Foo"}, exclude=["#Root#/Other"])
        assert routes(result) == {"Foo": "Foo", "foo": "foo (2)"}
        [warning] = [text for text in result.warnings if "Other" in text]
        assert "no folder of the source matches" in warning


class TestTable:
    def test_no_name_has_two_meanings(self) -> None:
        meanings: dict[str, set[WellKnown]] = {}
        for kind, name in table():
            meanings.setdefault(folded(name), set()).add(kind)
        assert {name: kinds for name, kinds in meanings.items() if len(kinds) > 1} == {}

    def test_every_name_is_found(self) -> None:
        assert all(meaning(name) is kind for kind, name in table())
        assert {kind for kind, _ in table()} == {*USES, *NOT_MAIL, WellKnown.ALL}

    def test_names_are_tidy(self) -> None:
        assert all(name == " ".join(name.split()) and "/" not in name for _, name in table())

    def test_the_preferred_name_comes_first(self) -> None:
        found = candidates(listing("Gesendet", "Sent Items", "Sent"), is_gmail=False)
        assert [str(f.path) for f in found.by_name[WellKnown.SENT]] == ["Sent", "Sent Items", "Gesendet"]

    def test_a_selectable_folder_hides_a_phantom_of_its_name(self) -> None:
        names = TargetNames(NO_CASE, [folder("A", selectable=False), folder("a")])
        assert names.selectable(("A",)) == folder("a")


class TestNamesOnDisk:
    @pytest.mark.parametrize(("parts", "place"), [
        (("in/out",), ("in_out",)),
        (("~home",), ("_home",)),
        (("~",), ("_",)),
        (("Home", "~home"), ("Home", "~home")),
        (("a~b",), ("a~b",)),
    ])  # fmt: skip
    def test_what_is_forbidden_is_replaced(self, parts: tuple[str, ...], place: tuple[str, ...]) -> None:
        result = map_folders([Listed(FolderPath(parts), b"x")], [], PLAIN, MAILDIR, {}, FolderFilter())
        assert [e.target.parts for e in result.entries] == [place]
        assert bool(result.warnings) == (parts != place)

    def test_a_replaced_name_takes_no_other_folders_place(self) -> None:
        found = [Listed(FolderPath((name,)), name.encode()) for name in ("~home", "_home")]
        result = map_folders(found, [], PLAIN, MAILDIR, {}, FolderFilter())
        assert {e.source.path.parts: e.target.parts for e in result.entries} == {
            ("~home",): ("_home (2)",),
            ("_home",): ("_home",),
        }

    def test_the_last_part_of_a_long_path_is_shortened(self) -> None:
        one, two = "a" * 100, "b" * 100
        source = [Listed(FolderPath((one, two, "c" * 80 + end)), end.encode()) for end in ("1", "2")]
        result = map_folders(source, [], PLAIN, MAILDIR, {}, FolderFilter())
        places = [e.target.parts for e in result.entries]
        assert [place[:2] for place in places] == [(one, two)] * 2
        assert len(set(places)) == 2
        assert all(directory_of(FolderPath(place)) for place in places)
        assert all("too long" in e.reason for e in result.entries)

    def test_where_no_room_is_left_a_folder_moves_up(self) -> None:
        one, two = "a" * 120, "b" * 120
        result = map_folders(
            [Listed(FolderPath((one, two, "Clients", "2024")), b"x")], [], PLAIN, MAILDIR, {}, FolderFilter()
        )
        [found] = result.entries
        assert found.target.parts[:1] == (one,)
        assert found.target.parts[-1] == "2024"
        assert directory_of(found.target)


def test_an_inbox_marked_as_archive_takes_no_archive() -> None:
    marked = Listed(FolderPath(("INBOX",)), b"INBOX", special_use=SpecialUse.ARCHIVE)
    archive = Listed(FolderPath(("Old",)), b"Old", special_use=SpecialUse.ARCHIVE)
    result = map_folders([archive], [marked], Features("here"), Features("there"), {}, FolderFilter())
    assert [entry.target for entry in result.entries] == [FolderPath(("Old",))]
