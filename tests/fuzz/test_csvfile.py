"""Any bytes give rows or a named error; any table is read back as it was written, in each encoding."""

from __future__ import annotations

import codecs
import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from mailferry.migration.csvfile import CsvFile, CsvFileError, parse

HEADER = b"EmailAddress,UserName,Password"
MARKS = {
    "": b"",
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}

piece = st.one_of(
    st.sampled_from(
        [
            HEADER, HEADER + b"\n", HEADER + b",UserRoot\r\n", b"a@x.org,a,b\r\n", b"a@x.org,a", b",", b'"', b'""',
            b"\r", b"\n", b"\r\n", b";", b"\t", b" ", b"\0", b"\xff", b"\xc3", "ü".encode(), "\u2028".encode(),
            b"#TYPE x\n", b",,\n", b"sep=;\n", b"x" * 140_000, *MARKS.values(),
        ]
    ),
    st.binary(max_size=12),
)  # fmt: skip
anything = st.lists(piece, max_size=12).map(b"".join)
begun = st.builds(lambda rest: HEADER + b"\r\n" + rest, anything)
wide = st.builds(
    lambda name, text, rest: MARKS[name] + text.encode(name or "utf-8") + rest,
    st.sampled_from(list(MARKS)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=5),
)


def parsed(data: bytes, allow_unknown_columns: bool) -> CsvFile | CsvFileError:
    try:
        return parse(data, allow_unknown_columns=allow_unknown_columns)
    except CsvFileError as error:
        return error


@given(data=anything | begun | wide, allow=st.booleans())
@example(data=codecs.BOM_UTF16_LE + b"\n\x00\x00\xd8", allow=False)
@example(data=HEADER + b'\n"', allow=False)
@example(data=HEADER + b'\r"\r\n"x', allow=False)
def test_any_bytes_give_rows_or_a_named_error(data: bytes, allow: bool) -> None:
    result = parsed(data, allow)
    if isinstance(result, CsvFileError):
        assert result.problem is not None
        assert result.detail
        assert 0 <= result.line <= len(data) + 1
        assert result.position == 0 or result.line > 0
        return
    lines = sorted([row.line for row in result.rows] + [error.line for error in result.row_errors])
    assert lines == sorted(set(lines))
    assert lines[0] > 1
    assert {len(result.cells(row)) for row in result.rows} | {len(error.cells) for error in result.row_errors} == {
        len(result.columns)
    }
    for row in result.rows:
        assert row.email_address.strip()
        assert row.user_name == row.user_name.strip() != ""
        assert row.password


name = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text == text.strip())
value = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
quoting = st.lists(st.sampled_from(['"', ",", "\r", "\n", "\r\n", "=", "#", " "]), max_size=6).map("".join)
secret = (value | quoting).filter(bool)
row = st.tuples(name, secret, value | quoting)


@given(
    rows=st.lists(row, min_size=1, max_size=8),
    order=st.permutations(range(4)),
    encoding=st.sampled_from(list(MARKS)),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    quote_all=st.booleans(),
)
def test_a_table_is_read_back(
    rows: list[tuple[str, str, str]], order: list[int], encoding: str, end: str, quote_all: bool
) -> None:
    header = ["EmailAddress", "UserName", "Password", "UserRoot"]
    # A name of its own for each: two rows of one source mailbox are an error.
    table = [[f"ü{n}@x.org", f"{n}{name}", word, root] for n, (name, word, root) in enumerate(rows)]
    text = io.StringIO(newline="")
    # Short of quoting all, the module leaves a lone CR or LF bare if it is no part of the line end.
    everything = quote_all or end != "\r\n"
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL)
    writer.writerows([[values[place] for place in order] for values in [header, *table]])
    result = parse(MARKS[encoding] + text.getvalue().encode(encoding or "utf-8"))
    assert result.row_errors == []
    assert result.columns == tuple(header[place] for place in order)
    assert [[row.email_address, row.user_name, row.password.reveal(), row.user_root] for row in result.rows] == table
