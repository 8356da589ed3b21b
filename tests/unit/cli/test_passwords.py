from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailferry.backends.registry import Location
from mailferry.cli.passwords import with_password
from mailferry.errors import BadUsage, Side

IMAP = Location("imap", host="imap.contoso.com", port=993, user="terry")


def find(
    location: Location = IMAP, file: str = "", environment: dict[str, str] | None = None, answer: str | None = None
) -> tuple[str, list[str], list[str]]:
    """The password, the questions asked and the warnings given."""
    asked: list[str] = []
    warned: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        assert answer is not None
        return answer

    found = with_password(
        location, Side.SOURCE, file, environment or {}, ask=None if answer is None else ask, warn=warned.append
    )
    return found.password.reveal(), asked, warned


def write(path: Path, data: bytes, mode: int = 0o600) -> str:
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("data", "password"),
    [
        (b"secret\n", "secret"),
        (b"secret", "secret"),
        (b"secret\r\nsecond line\n", "secret"),
        (b" spaces stay \n", " spaces stay "),
        (b"\xef\xbb\xbfsecret\n", "secret"),
        ("pässwörd\n".encode(), "pässwörd"),
        (b"a:b@c/d#e%f\n", "a:b@c/d#e%f"),
    ],
)
def test_the_first_line_of_the_file(tmp_path: Path, data: bytes, password: str) -> None:
    file = write(tmp_path / "password", data)
    assert find(file=file, environment={"MAILFERRY_SOURCE_PASSWORD": "other"}) == (password, [], [])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int) -> None:
    _, _, warned = find(file=write(tmp_path / "password", b"secret\n", mode))
    assert len(warned) == 1
    assert "chmod 600" in warned[0]
    assert "secret" not in warned[0]


def test_a_pipe_is_not_warned_of() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"secret\n")
        os.close(writing)
        assert find(file=f"/dev/fd/{reading}") == ("secret", [], [])
    finally:
        os.close(reading)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe\n", b"a\0b\n", b"a\rb\n", b"x" * 70_000])
def test_a_file_without_a_password_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadUsage):
        find(file=write(tmp_path / "password", data))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="nothing-here"):
        find(file=str(tmp_path / "nothing-here"))


def test_the_environment_comes_before_the_question() -> None:
    assert find(environment={"MAILFERRY_SOURCE_PASSWORD": "from env"}, answer="typed") == ("from env", [], [])


def test_the_other_sides_variable_is_not_taken() -> None:
    password, asked, _ = find(
        environment={"MAILFERRY_TARGET_PASSWORD": "x", "MAILFERRY_SOURCE_PASSWORD": ""}, answer="y"
    )
    assert password == "y"
    assert asked == ["Password of the source terry@imap.contoso.com:993: "]


def test_without_a_terminal_the_error_names_all_ways() -> None:
    with pytest.raises(BadUsage) as caught:
        find()
    for way in ("--source-password-file", "MAILFERRY_SOURCE_PASSWORD", "terminal"):
        assert way in caught.value.detail


def test_an_empty_answer_is_refused() -> None:
    with pytest.raises(BadUsage):
        find(answer="")


def test_a_maildir_needs_none() -> None:
    location = Location("maildir", path="x")
    assert with_password(location, Side.TARGET, "", {}, ask=None, warn=lambda text: None) == location
    with pytest.raises(BadUsage):
        with_password(location, Side.TARGET, "file", {}, ask=None, warn=lambda text: None)
