"""The kinds of columns that the tables are made of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Double, Integer, Text, TypeDecorator
from sqlalchemy import text as sql_text


class CleanText(TypeDecorator[str]):
    """Text of any origin. What a database cannot hold, NUL and halves of surrogate pairs, becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored; the common case is one scan."""
        if value is None or (value.isprintable() and value.isascii()):
            return value
        return value.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


BIG = BigInteger().with_variant(Integer, "sqlite")  # only an INTEGER is SQLite's row id


def identity() -> Column[int]:
    """Number the rows by themselves."""
    return Column("id", BIG, primary_key=True, autoincrement=True)


def free_text(name: str) -> Column[str]:
    """Text that may be empty."""
    return Column(name, CleanText, nullable=False, server_default="")


def required(name: str, *, unique: bool = False) -> Column[str]:
    """Text that must be given."""
    return Column(name, CleanText, nullable=False, unique=unique)


def number(name: str, default: int = 0) -> Column[int]:
    """A small whole number."""
    return Column(name, Integer, nullable=False, server_default=str(default))


def size(name: str) -> Column[int]:
    """A number of bytes, or one as large."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def moment(name: str) -> Column[float]:
    """Seconds since 1970 UTC, or NULL."""
    return Column(name, Double, nullable=True)


def seconds(name: str) -> Column[float]:
    """A number of seconds, 0 unless given."""
    return Column(name, Double, nullable=False, server_default="0")


def flag(name: str) -> Column[bool]:
    """Yes or no, no unless given."""
    return Column(name, Boolean, nullable=False, server_default=sql_text("false"))
