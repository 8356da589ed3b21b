"""The quick `dataclass` does what the standard library's does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from mailferry import records


@records.dataclass(frozen=True, slots=True, order=True)
class Quick:
    """Ours."""

    name: str
    size: int = 3
    more: list[int] = records.field(default_factory=list)

    @property
    def twice(self) -> int:
        """A method like any other."""
        return 2 * self.size


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Standard:
    """Theirs."""

    name: str
    size: int = 3
    more: list[int] = dataclasses.field(default_factory=list)


@records.dataclass(slots=True)
class Open:
    """May be changed."""

    value: int = 0


@records.dataclass(frozen=True, slots=True)
class Checked:
    """Refuses what it does not like."""

    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("no parts")


@pytest.mark.parametrize("arguments", [{"name": "a"}, {"name": "a", "size": 4}, {"name": "b", "more": [1, 2]}])
def test_fields_repr_and_conversion_are_the_same(arguments: dict[str, Any]) -> None:
    ours, theirs = Quick(**arguments), Standard(**arguments)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Standard", "Quick")
    assert [field.name for field in dataclasses.fields(ours)] == [field.name for field in dataclasses.fields(theirs)]
    assert [field.type for field in dataclasses.fields(ours)] == [field.type for field in dataclasses.fields(theirs)]
    assert dataclasses.is_dataclass(ours)


def test_equality_order_and_hash_go_by_the_values() -> None:
    assert Quick("a", 1) == Quick("a", 1) != Quick("a", 2)
    assert Quick("a", 1) < Quick("a", 2) < Quick("b", 0)
    assert Quick("a", 1).__eq__(Standard("a", 1)) is NotImplemented
    assert hash(Checked(("a",))) == hash(Checked(("a",)))
    assert len({Checked(("a",)), Checked(("a",)), Checked(("b",))}) == 2


def test_what_may_change_has_no_hash() -> None:
    one = Open()
    one.value = 5
    assert one == Open(5)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_frozen_means_frozen() -> None:
    one = Quick("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"  # type: ignore[misc]  # what is tested
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name
    assert one.name == "a"


def test_there_is_no_room_for_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Open().other = 1  # type: ignore[attr-defined]  # what is tested


def test_each_object_has_a_list_of_its_own() -> None:
    one, other = Quick("a"), Quick("a")
    one.more.append(1)
    assert other.more == []


def test_replacing_and_copying() -> None:
    one = Quick("a", 7, [1])
    assert dataclasses.replace(one, size=8) == Quick("a", 8, [1])
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.twice == 14


@pytest.mark.parametrize(
    ("positional", "named"), [((), {}), (("a", 1, [], 4), {}), (("a",), {"name": "b"}), (("a",), {"x": 1})]
)
def test_wrong_arguments_are_refused(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    for _ in range(2):  # the first call is another function than the second
        with pytest.raises(TypeError):
            Quick(*positional, **named)


def test_a_check_of_its_own_is_called() -> None:
    with pytest.raises(ValueError, match="no parts"):
        Checked(())
    with pytest.raises(ValueError, match="no parts"):
        dataclasses.replace(Checked(("a",)), parts=())


def test_patterns_by_place() -> None:
    match Quick("a", 9):
        case Quick(name, size):
            assert (name, size) == ("a", 9)
        case _:
            pytest.fail("not matched")
