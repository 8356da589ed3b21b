"""`dataclass` with slots, whose methods are made when they are first used.

The standard library compiles up to six functions for each class while it is being imported, about a millisecond. The
program has a hundred such classes and uses a few methods of half of them, so that was a tenth of a second at each
start (docs/decisions/quick-dataclasses.md). What type checkers, `dataclasses.replace`, `asdict` and `fields` see is
the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
else:
    field = dataclasses.field

_HERE: Final = "<fields of %s>"
_STANDARD_KIND: Final = getattr(dataclasses, "_FIELD")  # noqa: B009 - the mark of an ordinary field, on 3.11 to 3.14


class _Fields:
    """`__dataclass_fields__`, made when somebody asks for it."""

    def __init__(self, own: Mapping[str, dataclasses.Field[Any]]) -> None:
        self._own = own

    def __get__(self, instance: object, owner: type) -> Mapping[str, dataclasses.Field[Any]]:
        for name, made in self._own.items():
            made.name, made.type = name, owner.__annotations__[name]
            setattr(made, "_field_type", _STANDARD_KIND)  # noqa: B010 - no name for it is public
        return self._own


if not TYPE_CHECKING:

    def dataclass(*, slots, frozen=False, eq=True, order=False):
        """Make a class of fields; see `dataclasses.dataclass`. Fields are not inherited, and slots are not a choice."""
        assert slots, "give slots=True, as type checkers go by it"
        return lambda cls: _made(cls, frozen=frozen, eq=eq, order=order)


def _made(cls: type, *, frozen: bool, eq: bool, order: bool) -> type:
    """Give the class once more, with slots and methods."""
    names = tuple(name for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar"))
    space = {name: value for name, value in vars(cls).items() if name not in (*names, "__dict__", "__weakref__")}
    own = {name: _field(vars(cls).get(name, dataclasses.MISSING)) for name in names}
    space |= {"__slots__": names, "__match_args__": names, "__dataclass_fields__": _Fields(own)}
    space |= {"__getstate__": _get_state, "__setstate__": _set_state}
    space.setdefault("__repr__", _repr)
    space["__init__"] = _first_init(own, frozen=frozen)
    values = _values_of(names)
    if eq and "__eq__" not in space:
        space["__eq__"] = _compare(values, "__eq__")
        space.setdefault("__hash__", (lambda self: hash(values(self))) if frozen else None)
    if order:
        space |= {name: _compare(values, name) for name in ("__lt__", "__le__", "__gt__", "__ge__")}
    if frozen:
        space |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    return made


def _field(default: Any) -> dataclasses.Field[Any]:
    if isinstance(default, dataclasses.Field):
        return default
    made: dataclasses.Field[Any] = dataclasses.field() if default is dataclasses.MISSING else _defaulting(default)
    return made


def _defaulting(default: Any) -> dataclasses.Field[Any]:
    made: dataclasses.Field[Any] = dataclasses.field(default=default)
    return made


def _first_init(own: Mapping[str, dataclasses.Field[Any]], *, frozen: bool) -> Callable[..., None]:
    """Give an `__init__` that puts the true one in its place at the first call."""

    def first(self: Any, /, *args: Any, **kwargs: Any) -> None:
        owner = next(kind for kind in type(self).__mro__ if vars(kind).get("__init__") is first)
        init = _compiled(owner, own, frozen=frozen)
        setattr(owner, "__init__", init)  # noqa: B010 - checkers would see an assignment to a method
        init(self, *args, **kwargs)

    return first


def _compiled(owner: type, own: Mapping[str, dataclasses.Field[Any]], *, frozen: bool) -> Callable[..., None]:
    """Compile `__init__`. The source has the names of fields and nothing that comes from outside."""
    values: dict[str, Any] = {"set_": object.__setattr__, "MISSING": dataclasses.MISSING}
    parameters, body = ["self"], []
    for name, made in own.items():
        value, factory = name, made.default_factory
        if factory is not dataclasses.MISSING:
            values[f"make_{name}"] = factory
            value = f"make_{name}() if {name} is MISSING else {name}"
            parameters.append(f"{name}=MISSING")
        elif made.default is not dataclasses.MISSING:
            values[f"default_{name}"] = made.default
            parameters.append(f"{name}=default_{name}")
        else:
            parameters.append(name)
        body.append(f"set_(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(owner, "__post_init__"):
        body.append("self.__post_init__()")
    lines = "\n  ".join(body or ["pass"])
    source = f"def make({', '.join(values)}):\n def __init__({', '.join(parameters)}):\n  {lines}\n return __init__"
    space: dict[str, Any] = {}
    exec(compile(source, _HERE % owner.__qualname__, "exec"), {}, space)  # noqa: S102 - see above
    made_init: Callable[..., None] = space["make"](**values)
    made_init.__qualname__ = f"{owner.__qualname__}.__init__"
    return made_init


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        get: Callable[[Any], tuple[Any, ...]] = attrgetter(*names)
        return get
    return lambda self: tuple(getattr(self, name) for name in names)


def _compare(values: Callable[[Any], tuple[Any, ...]], method: str) -> Callable[[Any, Any], Any]:
    of_tuples = getattr(tuple, method)

    def compare(self: Any, other: Any) -> Any:
        return of_tuples(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    compare.__name__ = method
    return compare


def _names(self: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = type(self).__match_args__
    return found


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _names(self))})"


def _refuse_to_set(self: Any, name: str, value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in _names(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(_names(self), state, strict=True):
        object.__setattr__(self, name, value)
