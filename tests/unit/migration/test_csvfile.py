"""The CSV file: what is taken, what is refused, and what the refusal says."""

from __future__ import annotations

import codecs
import io
import zipfile

import pytest

from mailferry.imap.values import Secret
from mailferry.migration.csvfile import MAX_BYTES, MAX_ROWS, CsvFile, CsvFileError, CsvProblem, is_smtp_address, parse
from mailferry.migration.csvrows import CsvRow, RowError

HEADER = "EmailAddress,UserName,Password\r\n"
ANN = "annb@contoso.edu,ann.beebe,2111991\r\n"
PAUL = "paulc@contoso.edu,paul.cannon,3281986\r\n"


def read(text: str, *, allow_unknown_columns: bool = False) -> CsvFile:
    return parse(text.encode(), allow_unknown_columns=allow_unknown_columns)


def refusal(data: str | bytes, *, filename: str = "", allow_unknown_columns: bool = False) -> CsvFileError:
    """Give the error for a file that is refused as a whole."""
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(CsvFileError) as caught:
        parse(raw, filename=filename, allow_unknown_columns=allow_unknown_columns)
    assert caught.value.problem is not None
    assert caught.value.code == caught.value.problem.code
    assert caught.value.advice == caught.value.problem.advice != ""
    return caught.value


def faults(row: str, header: str = HEADER) -> list[RowError]:
    """Give the errors of a file of this row and a good one, which is always taken."""
    result = read(header + row + "\r\n" + "good@contoso.edu,good,good" + "," * (header.count(",") - 2))
    assert result.rows[-1].email_address == "good@contoso.edu"
    return result.row_errors


# --- what is taken ---------------------------------------------------------------------------------


def test_rows_of_user_credentials() -> None:
    result = read(HEADER + ANN + PAUL)
    assert result.rows == [
        CsvRow(2, "annb@contoso.edu", "ann.beebe", Secret("2111991")),
        CsvRow(3, "paulc@contoso.edu", "paul.cannon", Secret("3281986")),
    ]
    assert (result.row_errors, result.ignored_columns, result.encoding) == ([], (), "utf-8")
    assert result.columns == ("EmailAddress", "UserName", "Password")


@pytest.mark.parametrize(
    "name",
    [
        "terry.adams",
        "contoso\\terry.adams",  # domain and user
        "contoso-students/mailadmin/terry.adams",  # Exchange
        "terry.adams*mailadmin",  # Dovecot and others with SASL
        "#terry.adams@contoso-students.edu#mailadmin#",  # Mirapoint
    ],
)
def test_forms_of_user_names_are_kept(name: str) -> None:
    row = read(f"{HEADER}terrya@contoso.edu,{name},P@ssw0rd\n").rows[0]
    assert (row.user_name, row.password) == (name, Secret("P@ssw0rd"))


def test_user_root_for_courier() -> None:
    result = read("EmailAddress,UserName,Password,UserRoot\nterrya@contoso.edu,mailadmin,P@ssw0rd,/users/terry.adams\n")
    assert result.rows == [CsvRow(2, "terrya@contoso.edu", "mailadmin", Secret("P@ssw0rd"), "/users/terry.adams")]


def test_a_login_on_the_target() -> None:
    header = "EmailAddress,UserName,Password,TargetPassword,TargetUserName\n"
    first, second = read(header + "a@x.org,a,1,new,a.new\nb@x.org,b,2,,\n").rows
    assert (first.target_user_name, first.target_password) == ("a.new", Secret("new"))
    assert (second.target_user_name, second.target_password) == ("", None)


def test_values_are_in_the_order_of_the_header() -> None:
    row = read("Password,UserRoot,EmailAddress,UserName\nsecret,/r,ann@x.org,ann\n").rows[0]
    assert (row.email_address, row.user_name, row.password, row.user_root) == (
        "ann@x.org",
        "ann",
        Secret("secret"),
        "/r",
    )


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends(end: str) -> None:
    result = read((HEADER + ANN + "\r\n" + PAUL).replace("\r\n", end))
    assert [(row.line, row.user_name) for row in result.rows] == [(2, "ann.beebe"), (4, "paul.cannon")]


def test_the_last_line_needs_no_end() -> None:
    assert len(read((HEADER + ANN + PAUL).rstrip()).rows) == 2


def test_blank_lines_and_empty_rows_of_spreadsheets_are_skipped() -> None:
    result = read("\r\n" + HEADER + "\r\n" + ANN + "   \r\n,,\r\n,\r\n" + PAUL + "\r\n\r\n")
    assert [row.line for row in result.rows] == [4, 8]


def test_lines_are_right_behind_quoted_line_breaks() -> None:
    result = read(HEADER + 'a@x.org,a,"one\r\ntwo\nthree\rfour"\r\nb@x.org,,x\r\nc@x.org,c,y\r\n')
    assert [row.line for row in result.rows] == [2, 7]
    assert result.rows[0].password.reveal() == "one\r\ntwo\nthree\rfour"
    assert result.row_errors[0].line == 6


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ('"a,b"', "a,b"),
        ('"say ""x"""', 'say "x"'),
        ('pa"ss', 'pa"ss'),
        ("  spaces kept ", "  spaces kept "),
        ('"="', "="),
        ("päß語😀", "päß語😀"),
        ("\u2028\x0b\x85", "\u2028\x0b\x85"),  # line ends elsewhere, not in CSV
    ],
)
def test_passwords_are_kept_as_they_are(written: str, password: str) -> None:
    assert read(f"{HEADER}a@x.org,a,{written}\n").rows[0].password.reveal() == password


def test_a_line_that_begins_with_a_number_sign_is_a_row() -> None:
    rows = read("UserName,EmailAddress,Password\n#ann@x.org#admin#,ann@x.org,1\n#b@x.org#admin#,#b@x.org,2\n").rows
    assert [(row.user_name, row.email_address) for row in rows] == [
        ("#ann@x.org#admin#", "ann@x.org"),
        ("#b@x.org#admin#", "#b@x.org"),
    ]


def test_the_note_of_export_csv_is_skipped() -> None:
    rows = read("#TYPE System.Management.Automation.PSCustomObject\r\n" + HEADER + ANN).rows
    assert [row.line for row in rows] == [3]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_encodings(mark: bytes, encoding: str) -> None:
    result = parse(mark + (HEADER + "jürgen@bücher.example,jürgen,パスワード\r\n").encode(encoding))
    assert result.encoding == encoding
    assert result.rows == [CsvRow(2, "jürgen@bücher.example", "jürgen", Secret("パスワード"))]


@pytest.mark.parametrize("name", ["users.csv", "USERS.CSV", "users.txt", "a.b.csv", ""])
def test_names_of_files(name: str) -> None:
    assert len(parse((HEADER + ANN).encode(), filename=name).rows) == 1


def test_50_000_rows_are_taken_and_one_more_is_not() -> None:
    text = HEADER + "".join(f"user{number}@contoso.edu,user{number},x\r\n" for number in range(MAX_ROWS))
    assert len(read(text).rows) == 50_000
    error = refusal(text + "\r\nlast@contoso.edu,last,x\r\n")
    assert (error.code, error.line) == ("csv-too-many-rows", 50_003)
    assert error.detail == "The CSV file contains more than 50,000 rows."
    assert "smaller batches" in error.advice


def test_rows_in_error_count_as_rows() -> None:
    assert refusal(HEADER + "x,,\r\n" * (MAX_ROWS + 1)).problem is CsvProblem.TOO_MANY_ROWS


def test_10_mb_are_taken_and_one_byte_more_is_not() -> None:
    data = (HEADER + ANN).encode()
    data += (b" " * 999 + b"\n") * ((MAX_BYTES - len(data)) // 1_000)
    data += b"\n" * (MAX_BYTES - len(data))
    assert len(parse(data).rows) == 1
    error = refusal(data + b"\n")
    assert (error.code, error.detail) == ("csv-too-large", "The CSV file is larger than 10 MB (10,485,760 bytes).")


# --- columns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["EmailAddress", "UserName", "Password"])
def test_a_missing_column(column: str) -> None:
    error = refusal(HEADER.replace(column, "UserRoot") + "a,b,c\r\n")
    assert (error.code, error.line, error.column) == ("csv-column-missing", 1, column)
    assert error.detail == f'Column "{column}" is missing from the CSV file.'
    assert str(error) == f'The CSV file cannot be used. Column "{column}" is missing from the CSV file.'


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("EmailAddress", "Email Address"),
        ("EmailAddress", "emailaddress"),
        ("UserName", "User_Name"),
        ("Password", " Password"),
        ("UserName", "\ufeffUserName"),
    ],
)
def test_a_misspelt_column_is_missing_and_the_error_says_what_to_write(column: str, written: str) -> None:
    error = refusal(HEADER.replace(column, written) + ANN)
    shown = written.replace("\ufeff", "\\ufeff")
    expected = f'Column "{column}" is missing from the CSV file. Write {column} instead of "{shown}".'
    assert (error.problem, error.detail) == (CsvProblem.COLUMN_MISSING, expected)


def test_a_file_without_header_is_refused_without_a_word_of_its_passwords() -> None:
    error = refusal(ANN + PAUL)
    assert error.problem is CsvProblem.COLUMN_MISSING
    assert error.detail.endswith('Column "Password" is missing from the CSV file. Line 1 is not a header.')
    assert "2111991" not in f"{error}{error.column}{error.advice}"


def test_an_unknown_column_is_refused_unless_allowed() -> None:
    text = "EmailAddress,Department,UserName,Password,Notes\na@x.org,Sales,a,1,none\n"
    error = refusal(text)
    assert (error.code, error.column) == ("csv-column-unknown", "Department")
    assert error.detail == 'Column "Department" is not known.'
    result = read(text, allow_unknown_columns=True)
    assert result.ignored_columns == ("Department", "Notes")
    assert result.rows == [CsvRow(2, "a@x.org", "a", Secret("1"), ignored=("Sales", "none"))]
    assert result.cells(result.rows[0]) == ("a@x.org", "Sales", "a", Secret("1"), "none")


def test_a_column_without_name_is_unknown() -> None:
    text = "EmailAddress,UserName,Password,,\na@x.org,a,1,,\n"
    assert refusal(text).detail == "Column 4 of the header has no name."
    assert read(text, allow_unknown_columns=True).ignored_columns == ("", "")


def test_1000_columns_are_taken_and_one_more_is_not() -> None:
    more = "," * 997
    text = f"EmailAddress,UserName,Password{more}\na@x.org,a,1{more}\n"
    assert len(read(text, allow_unknown_columns=True).columns) == 1_000
    assert refusal(text.replace(more, more + ","), allow_unknown_columns=True).code == "csv-too-many-columns"


@pytest.mark.parametrize("written", ["userroot", "User Root", "target-password", "password", "TARGETUSERNAME"])
def test_a_misspelt_column_is_never_ignored(written: str) -> None:
    error = refusal(f"EmailAddress,UserName,Password,{written}\na@x.org,a,1,2\n", allow_unknown_columns=True)
    assert (error.code, error.column) == ("csv-column-misspelt", written)
    assert error.detail.startswith(f'Column "{written}" is misspelt: write ')


@pytest.mark.parametrize("column", ["Password", "UserRoot", "Notes"])
def test_a_column_given_twice(column: str) -> None:
    text = f"EmailAddress,UserName,Password,{column},{column}\na@x.org,a,1,2,3\n"
    error = refusal(text, allow_unknown_columns=True)
    assert (error.code, error.column) == ("csv-column-twice", column)


def test_the_column_of_an_earlier_round_is_ignored() -> None:
    result = read("EmailAddress,UserName,Password,ErrorMessage\na@x.org,a,1,no such user\n")
    assert (result.ignored_columns, len(result.rows)) == (("ErrorMessage",), 1)


@pytest.mark.parametrize(("separator", "shown"), [(";", '";"'), ("\t", "a tab"), ("|", '"|"')])
def test_another_separator(separator: str, shown: str) -> None:
    error = refusal((HEADER + ANN).replace(",", separator))
    text = f"The values are separated by {shown}, not by commas: line 1, position 13."
    assert (error.code, error.detail, error.line, error.position) == ("csv-separator", text, 1, 13)


def test_a_note_on_the_separator() -> None:
    assert refusal("sep=,\r\n" + HEADER + ANN).problem is CsvProblem.SEPARATOR


@pytest.mark.parametrize(
    ("row", "actual", "place", "more"),
    [
        ("a@x.org,a", 2, (3, "Password", 0), ' There is no value for "Password".'),
        ("# a remark", 1, (3, "UserName", 0), ' There is no value for "UserName".'),
        ("a@x.org,a,b,c", 4, (3, "", 13), " The first value too many begins at line 3, position 13."),
        ('"a@x.org","a,""x""\r\ny",b,c', 4, (4, "", 6), " The first value too many begins at line 4, position 6."),
    ],
)
def test_a_row_of_the_wrong_length_spoils_the_file(
    row: str, actual: int, place: tuple[int, str, int], more: str
) -> None:
    error = refusal(HEADER + ANN + row + "\r\n" + PAUL)
    assert error.code == "csv-row-length"
    assert (error.line, error.column, error.position) == place
    wrong = f"Row 3 has the wrong number of columns. Expected number: 3. Actual number: {actual}."
    assert error.detail == wrong + more


# --- bytes and quotes ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8, b"\r\n \r\n", codecs.BOM_UTF16_LE, b",,\r\n", b"#TYPE x\r\n"])
def test_an_empty_file(data: bytes) -> None:
    error = refusal(data)
    assert (error.code, error.detail) == ("csv-empty", "Upload file can't be empty.")


def test_a_header_alone() -> None:
    assert refusal(HEADER + "\r\n,,\r\n").code == "csv-no-rows"


@pytest.mark.parametrize("name", ["users.xlsx", "users", "users.csv.zip", "users.xls", ".csvx"])
def test_only_csv_and_txt(name: str) -> None:
    assert refusal(HEADER + ANN, filename=name).code == "csv-file-type"


@pytest.mark.parametrize("name", ["users.xlsx", "users.csv", ""])
def test_a_spreadsheet(name: str) -> None:
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    error = refusal(workbook.getvalue(), filename=name)
    assert (error.code, error.detail) == ("csv-file-type", "This is a spreadsheet, not a CSV file.")


def test_an_old_spreadsheet() -> None:
    assert "spreadsheet" in refusal(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500), filename="users.csv").detail


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_other_unicode_needs_a_mark(encoding: str) -> None:
    error = refusal((HEADER + ANN).encode(encoding))
    assert error.code == "csv-encoding"
    assert error.detail == f"This looks like {encoding[:6].upper()} without a byte order mark: line 1, position 1."
    assert (error.line, error.position) == (1, 1)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_bytes_that_are_not_utf_8(mark: bytes, end: str) -> None:
    text = (HEADER + ANN).replace("\r\n", end).encode() + "é,jürgen,geheim".encode()[:6] + b"\xfcrgen,geheim"
    error = refusal(mark + text)
    assert (error.code, error.line, error.position) == ("csv-encoding", 3, 7)
    assert error.detail == "Line 3 is not UTF-8: byte 7 of the line does not fit."
    assert error.__context__ is None, "the codec's error holds the whole file"


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (codecs.BOM_UTF16_LE + (HEADER + "ab").encode("utf-16-le") + b"\x00\xd8x\x00", 5),  # half a surrogate pair
        (codecs.BOM_UTF16_BE + (HEADER + "ab").encode("utf-16-be") + b"x", 5),  # half a character
        (codecs.BOM_UTF32_LE + (HEADER + "ab").encode("utf-32-le") + b"\xff\xff\xff\xff", 9),
    ],
)
def test_broken_utf_16_and_32(data: bytes, position: int) -> None:
    error = refusal(data)
    assert (error.code, error.line, error.position) == ("csv-encoding", 2, position)


def test_nul() -> None:
    error = refusal(HEADER + "a@x.org,a,b\0c\r\n")
    assert (error.code, error.line, error.position) == ("csv-nul", 2, 12)


@pytest.mark.parametrize("rest", ["", "\r\n" + PAUL, "\r\n" + PAUL * 5_000])
def test_a_quote_that_is_not_closed(rest: str) -> None:
    error = refusal(HEADER + ANN + 'a@x.org,a,"hidden' + rest)
    assert (error.code, error.line, error.column, error.position) == ("csv-quote-open", 3, "Password", 11)
    assert error.detail == "The quoted value that begins at line 3, position 11, column Password is not closed."


def test_a_quote_that_is_not_closed_behind_quoted_line_breaks() -> None:
    error = refusal(HEADER + 'a@x.org,"a ""b""\r\nc\n\rd","hidden\r\n' + ANN)
    assert (error.code, error.line, error.position) == ("csv-quote-open", 5, 4)


def test_a_quote_that_is_not_closed_in_the_header() -> None:
    error = refusal('EmailAddress,"UserName,Password\r\n' + ANN)
    assert (error.code, error.line, error.column, error.position) == ("csv-quote-open", 1, "", 14)


def test_text_behind_a_closing_quote() -> None:
    error = refusal(HEADER + 'a@x.org,"a"b,"hidden"\r\n' + ANN)
    assert (error.code, error.line, error.column, error.position) == ("csv-quote-inside", 2, "UserName", 9)


def test_a_quote_left_open_that_a_later_one_closes() -> None:
    error = refusal(HEADER + 'a@x.org,a,"hidden\r\n' + ANN + 'b@x.org,b,"hidden too"\r\n')
    assert (error.code, error.line, error.position) == ("csv-quote-inside", 2, 11)


def test_a_value_that_is_too_long() -> None:
    error = refusal(HEADER + ANN + f'a@x.org,"a ""{"x" * 200_000}",secret\r\n')
    assert (error.code, error.line) == ("csv-value-too-long", 3)
    assert refusal(HEADER + ANN + f"a@x.org,{'x' * 200_000},secret").code == "csv-value-too-long"


@pytest.mark.parametrize("problem", list(CsvProblem))
def test_each_problem_has_a_code_and_advice(problem: CsvProblem) -> None:
    assert problem.code.startswith("csv-")
    assert problem.advice.endswith(".")
    assert [other.code for other in CsvProblem].count(problem.code) == 1


# --- rows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (",ann,1", "EmailAddress", "email-address-empty"),
        ("ann,ann,1", "EmailAddress", "email-address-invalid"),
        (" ann@x.org,ann,1", "EmailAddress", "email-address-invalid"),
        ("ann@x.org,,1", "UserName", "user-name-empty"),
        ("ann@x.org, ann,1", "UserName", "user-name-spaces"),
        ("ann@x.org,ann ,1", "UserName", "user-name-spaces"),
        ("ann@x.org,\u00a0ann,1", "UserName", "user-name-spaces"),
        ('ann@x.org,"an\r\nn",1', "UserName", "user-name-control"),
        ("ann@x.org,ann,", "Password", "password-empty"),
        ("GOOD@contoso.edu,ann,", "Password", "password-empty"),
    ],
)
def test_a_fault_leaves_out_the_row_alone(row: str, column: str, code: str) -> None:
    (error,) = faults(row)
    assert (error.line, error.column, error.code) == (2, column, code)
    assert error.message.startswith(f"{column} ")


def test_all_faults_of_a_row_are_told_at_once() -> None:
    (error,) = faults("ann, ann,")
    assert error.code == "email-address-invalid"
    assert [sentence.split()[0] for sentence in error.message.split(". ")] == ["EmailAddress", "UserName", "Password"]


def test_faults_of_the_name_on_the_target() -> None:
    header = "EmailAddress,UserName,Password,TargetUserName\r\n"
    assert [error.code for error in faults("a@x.org,a,1,a ", header)] == ["target-user-name-spaces"]
    assert [error.code for error in faults('a@x.org,a,1,"a\nb"', header)] == ["target-user-name-control"]


def test_the_second_row_of_an_address_is_the_error() -> None:
    result = read(HEADER + ANN + PAUL + "ANNB@Contoso.EDU,ann,other\r\n" + "annb@contoso.edu,ann,third\r\n")
    assert [row.line for row in result.rows] == [2, 3]
    assert [(error.line, error.column, error.code) for error in result.row_errors] == [
        (4, "EmailAddress", "email-address-twice"),
        (5, "EmailAddress", "email-address-twice"),
    ]
    assert all("already in this file, at line 2:" in error.message for error in result.row_errors)


def test_addresses_are_equal_however_their_accents_are_composed() -> None:
    result = read(HEADER + "caf\u00e9@x.org,a,1\r\nCAFE\u0301@x.org,b,2\r\n")
    assert (len(result.rows), len(result.row_errors)) == (1, 1)


def test_different_letters_are_different_addresses() -> None:
    assert len(read(HEADER + "strasse@x.org,a,1\r\nstraße@x.org,b,2\r\n").rows) == 2


def test_a_row_in_error_does_not_keep_the_user_back() -> None:
    result = read(HEADER + "annb@contoso.edu,ann,\r\n" + ANN)
    assert [row.line for row in result.rows] == [3]
    assert [error.code for error in result.row_errors] == ["password-empty"]


def test_passwords_are_not_printed() -> None:
    header = "EmailAddress,UserName,Password,TargetPassword,Notes\n"
    text = header + "a@x.org,a,hidden1,hidden2,hidden3\nb@x.org,,hidden4,hidden5,x\nhidden6,c,c@x.org,,\n"
    result = read(text, allow_unknown_columns=True)
    assert (len(result.rows), len(result.row_errors)) == (1, 2)
    assert "hidden" not in repr(result)
    assert "hidden" not in " ".join(error.message for error in result.row_errors)
    assert result.row_errors[0].cells == ("b@x.org", "", Secret("hidden4"), Secret("hidden5"), "x")


@pytest.mark.parametrize(
    "address",
    [
        "a@x.org", "first.last+tag@sub.example.co.uk", "o'neil@x.org", "a@localhost", "a_b@x-y.org", "#a@x.org",
        "用户@例え.jp", "jürgen@bücher.de", f"{'a' * 64}@x.org", f"a@{'b' * 63}.org", "a@xn--bcher-kva.de",
        "a@1.example",
    ],
)  # fmt: skip
def test_addresses(address: str) -> None:
    assert is_smtp_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "", "a", "@x.org", "a@", "a@@x.org", "a@b@x.org", ".a@x.org", "a.@x.org", "a..b@x.org", "a b@x.org", "a@x..org",
        "a@.org", "a@x.org.", "a@-x.org", "a@x-.org", "a@x_y.org", "a@x.org\n", "a@x.org,b@x.org", "<a@x.org>",
        "a@[127.0.0.1]", '"a b"@x.org', f"{'a' * 65}@x.org", f"{'ü' * 33}@x.org", f"a@{'b' * 64}.org",
        f"a@{'.'.join(['b' * 60] * 5)}", "a\u200b@x.org", "a\u00a0@x.org", "a@x.org\u202e", "smtp:a@x.org",
    ],
)  # fmt: skip
def test_no_addresses(address: str) -> None:
    assert not is_smtp_address(address)
