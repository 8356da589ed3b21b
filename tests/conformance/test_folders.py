"""Folders: listing, making, subscribing, counting."""

from __future__ import annotations

from mailferry.backends.base import INBOX, FolderPath, Listed, Reader, SpecialUse
from tests.conformance.actions import contents, deliver, folder, make
from tests.conformance.clauses import Subject, clause
from tests.conformance.contract import Backend
from tests.conformance.mails import message

WORK = folder("Work")

NAMES = {
    "plain": "Clients",
    "blank inside": "Clients of mine",
    "non-ASCII": "Entwürfe",
    "composed otherwise": "Entwu\u0308rfe",
    "Chinese": "已发送邮件",
    "Arabic": "البريد",
    "emoji": "Ferry \U0001f6f3",
    "ampersand": "R&D",
    "like modified UTF-7": "&AOk-",
    "ampersand and minus": "&-",
    "quotes": 'the "real" one',
    "backslash": "back\\slash",
    "percent": "100%",
    "star": "*starred*",
    "brackets": "[old] (2) {5}",
    "tilde": "~home",
    "hash": "#news",
    "comma and semicolon": "a,b;c",
    "one quote": "it's",
    "trailing blank": "ends with ",
    "leading blank": " begins with",
    "only a blank": " ",
    "plus": "+",
    "minus": "-",
    "equals": "a=b",
    "colon": "2,S: seen",
    "angle": "<tag>",
    "slash": "in/out",
    "dot": "v1.2",
    "leading dot": ".hidden",
    "two dots": "..",
    "like a Maildir": "cur",
    "NIL": "NIL",
    "long": "x" * 200,
}


def has_levels(backend: Backend) -> bool:
    return backend.features.delimiter is not None


async def _listed(reader: Reader) -> dict[FolderPath, Listed]:
    return {listed.path: listed for listed in await reader.list_folders()}


@clause()
async def test_an_inbox_is_there(subject: Subject) -> None:
    assert list(await _listed(subject.target)) == [INBOX]
    assert (await _listed(subject.target))[INBOX].selectable


@clause()
async def test_the_features_are_the_declared_ones(subject: Subject) -> None:
    assert subject.target.features == subject.backend.features


@clause()
async def test_the_key_of_a_mailbox_is_the_same_in_each_session(subject: Subject) -> None:
    other = await subject.site.look()
    assert subject.target.key == other.key != ""
    await other.close()


@clause()
async def test_a_made_folder_is_listed(subject: Subject) -> None:
    [created] = await subject.target.create_folders([(WORK, None)])
    listed = (await _listed(subject.target))[WORK]
    assert (created.path, created.made, created.error) == (WORK, True, "")
    assert created.raw_name == listed.raw_name != b""
    assert listed.selectable


@clause()
async def test_a_folder_that_is_there_counts_as_done(subject: Subject) -> None:
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, message(1))
    created = await subject.target.create_folders([(WORK, None), (INBOX, None)])
    assert [(each.path, each.made, each.error) for each in created] == [(WORK, False, ""), (INBOX, False, "")]
    assert len(await contents(subject.target, WORK)) == 1


@clause()
async def test_making_nothing_makes_nothing(subject: Subject) -> None:
    assert await subject.target.create_folders([]) == []


@clause(needs=has_levels)
async def test_parents_are_made_first_whatever_the_order(subject: Subject) -> None:
    deep, middle, top = folder("Top", "Middle", "Deep"), folder("Top", "Middle"), folder("Top")
    created = await subject.target.create_folders([(deep, None), (top, None), (middle, None)])
    assert {each.path: each.error for each in created} == {deep: "", top: "", middle: ""}
    listed = await _listed(subject.target)
    assert all(listed[path].selectable for path in (deep, middle, top))


@clause(needs=has_levels)
async def test_a_child_can_be_made_without_its_parents(subject: Subject) -> None:
    child = folder("Up", "Down")
    await make(subject.target, child)
    await deliver(subject.target, child, message(1))
    assert len(await contents(subject.target, child)) == 1
    await make(subject.target, folder("Up"))
    assert (await _listed(subject.target))[folder("Up")].selectable


@clause(needs=lambda backend: has_levels(backend) and backend.features.children_of_inbox)
async def test_the_inbox_can_have_children(subject: Subject) -> None:
    child = folder("INBOX", "Child")
    await make(subject.target, child)
    await deliver(subject.target, child, message(1))
    assert child in await _listed(subject.target)
    assert await contents(subject.target, INBOX) == []


@clause(cases=NAMES)
async def test_a_name_comes_back_as_it_went_in(subject: Subject, name: str) -> None:
    path = FolderPath((name,))
    refused = name in subject.backend.refused_names or (subject.backend.features.delimiter or "\0") in name
    [created] = await subject.target.create_folders([(path, None)])
    assert bool(created.error) == refused, created
    assert (path in await _listed(subject.target)) == (not refused)
    if not refused:
        await deliver(subject.target, path, message(1))
        [status] = await subject.target.status([path])
        assert status is not None
        assert status.messages == 1
        await subject.target.subscribe([path])
        assert (await _listed(subject.target))[path].subscribed


@clause(needs=has_levels, cases={name: NAMES[name] for name in ("non-ASCII", "ampersand", "quotes", "trailing blank")})
async def test_a_name_comes_back_from_a_lower_level(subject: Subject, name: str) -> None:
    path = FolderPath(("Level", name, "Leaf"))
    if name not in subject.backend.refused_names:
        await make(subject.target, path)
        assert path in await _listed(subject.target)


@clause()
async def test_one_refused_name_does_not_stop_the_others(subject: Subject) -> None:
    too_long = folder("y" * (subject.backend.features.folder_name_bytes + 5_000))
    created = await subject.target.create_folders([(too_long, None), (WORK, None)])
    assert {each.path: bool(each.error) for each in created} == {too_long: True, WORK: False}
    assert WORK in await _listed(subject.target)


@clause(needs=lambda backend: not backend.features.case_insensitive)
async def test_names_that_differ_in_case_are_two(subject: Subject) -> None:
    await make(subject.target, folder("Case"), folder("case"))
    await deliver(subject.target, folder("case"), message(1))
    assert await contents(subject.target, folder("Case")) == []


@clause(needs=lambda backend: backend.features.case_insensitive)
async def test_names_that_differ_in_case_are_one(subject: Subject) -> None:
    await make(subject.target, folder("Case"))
    [created] = await subject.target.create_folders([(folder("case"), None)])
    assert (created.made, created.error) == (False, "")
    await deliver(subject.target, folder("case"), message(1))
    assert len(await contents(subject.target, folder("Case"))) == 1


@clause()
async def test_raw_names_are_different_and_lasting(subject: Subject) -> None:
    await make(subject.target, WORK, folder("Play"), folder("R&D"))
    other = await subject.site.look()
    here, there = await _listed(subject.target), await _listed(other)
    await other.close()
    assert {path: listed.raw_name for path, listed in here.items()} == {path: it.raw_name for path, it in there.items()}
    assert len({listed.raw_name for listed in here.values()}) == 4


@clause()
async def test_a_special_use_is_as_asked_for_or_absent(subject: Subject) -> None:
    sent = folder("Sent")
    [created] = await subject.target.create_folders([(sent, SpecialUse.SENT)])
    assert not created.error
    listed = await _listed(subject.target)
    assert listed[sent].special_use in (None, SpecialUse.SENT)
    assert listed[INBOX].special_use is None


@clause()
async def test_subscriptions_are_kept(subject: Subject) -> None:
    await make(subject.target, WORK, folder("Play"))
    await subject.target.subscribe([WORK])
    listed = await _listed(subject.target)
    assert listed[WORK].subscribed
    await subject.target.subscribe([WORK, folder("Never there"), folder("Play")])
    assert (await _listed(subject.target))[folder("Play")].subscribed


@clause()
async def test_counts_come_with_the_list_if_asked_for(subject: Subject) -> None:
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, message(1), message(2))
    [status] = await subject.target.status([WORK])
    assert status is not None
    listed = (await _listed(subject.target))[WORK].status
    assert listed is not None
    assert (listed.uid_validity, listed.messages) == (status.uid_validity, 2)
    bare = await subject.target.list_folders(status=False)
    assert {each.path for each in bare} == {INBOX, WORK}


@clause()
async def test_status_answers_in_order_and_none_for_what_is_gone(subject: Subject) -> None:
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, message(1))
    answers = await subject.target.status([WORK, folder("Never there"), INBOX])
    assert [answer.messages if answer else None for answer in answers] == [1, None, 0]
    assert await subject.target.status([]) == []


@clause()
async def test_permanent_flags_include_the_system_flags(subject: Subject) -> None:
    flags, new_keywords = await subject.target.permanent_flags(INBOX)
    assert flags >= {"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"}
    assert "\\Recent" not in flags
    assert "\\*" not in flags
    assert new_keywords == subject.backend.features.custom_keywords


@clause(needs=lambda backend: backend.back_door is not None)
async def test_a_deleted_folder_is_gone(subject: Subject) -> None:
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, message(1))
    [before] = await subject.target.status([WORK])
    await subject.door.delete_folder(WORK)
    assert await subject.target.status([WORK]) == [None]
    assert WORK not in await _listed(subject.target)
    await make(subject.target, WORK)
    [after] = await subject.target.status([WORK])
    assert before is not None
    assert after is not None
    assert after.messages == 0
    assert (after.uid_validity, after.uid_next) >= (before.uid_validity, before.uid_next)


@clause()
async def test_close_can_be_called_twice(subject: Subject) -> None:
    other = await subject.site.look()
    await other.list_folders()
    await other.close()
    await other.close()
