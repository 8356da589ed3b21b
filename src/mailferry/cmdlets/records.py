"""The values that go through a pipeline: bags of properties in order, sizes, bytes of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase


class Record:
    """An object: properties in their order, found by name in any case. `kind` names what it is, '' nothing special.

    `named_by`: the property that stands for the object where a name is wanted.
    """

    __slots__ = ("_names", "_values", "kind", "named_by")

    def __init__(self, values: Mapping[str, object], kind: str = "", named_by: str = "Identity") -> None:
        self._values = dict(values)
        self._names = {name.lower(): name for name in self._values}
        self.kind = kind
        self.named_by = named_by

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the properties, in order."""
        return tuple(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._names

    def __getitem__(self, name: str) -> object:
        return self._values[self._names[name.lower()]]

    def get(self, name: str, default: object = None) -> object:
        """Give a property, or something else if there is none of that name."""
        found = self._names.get(name.lower())
        return default if found is None else self._values[found]

    def items(self) -> Iterator[tuple[str, object]]:
        """Give names and values in order."""
        return iter(self._values.items())

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Give the names that fit a pattern with `*` and `?`, in any case and in order."""
        wanted = pattern.lower()
        return tuple(name for lower, name in self._names.items() if fnmatchcase(lower, wanted))

    def replaced(self, values: Mapping[str, object]) -> Record:
        """Give one of the same kind with some values in place of others."""
        return Record(self._values | dict(values), self.kind, self.named_by)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self.kind == other.kind and self._values == other._values

    __hash__ = None  # type: ignore[assignment] # its values may be lists

    def __repr__(self) -> str:
        return f"Record({self.kind or 'object'}: {', '.join(self._values)})"


class ByteSize(int):
    """A number of bytes that prints as a size."""

    __slots__ = ()


class Lines(list[str]):
    """Texts that are shown one below the other in a list."""

    __slots__ = ()


class FileBytes(bytes):
    """The bytes of a file, which know its name."""

    name: str

    def __new__(cls, data: bytes, name: str) -> FileBytes:
        """Make them."""
        made = super().__new__(cls, data)
        made.name = name
        return made
