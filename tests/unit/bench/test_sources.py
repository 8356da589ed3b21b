"""The made-up mailboxes of the benchmark."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path
from statistics import mean

import pytest

from bench.sources import FOLDERS, PROFILES, mails, take_away, write
from bench.stage import files_below


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_same_mail_every_time(profile: str) -> None:
    assert list(mails(profile, 20)) == list(mails(profile, 20))


def test_sizes_are_those_of_the_profiles() -> None:
    sizes = {profile: [len(mail.data) for mail in mails(profile, 300)] for profile in PROFILES}
    assert 3_000 < mean(sizes["small"]) < 5_500
    assert 150_000 < mean(sizes["bulk"]) < 600_000
    for profile, shape in PROFILES.items():
        assert max(sizes[profile]) < shape.most_bytes * 1.1


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_message_is_whole(profile: str) -> None:
    ids = set()
    for mail in mails(profile, 30):
        parsed = email.message_from_bytes(mail.data, policy=email.policy.default)
        ids.add(parsed["Message-ID"])
        assert not parsed.defects
        assert mail.data.endswith(b"\n")
        assert b"\r" not in mail.data
        assert parsed.is_multipart() == PROFILES[profile].attachment
    assert len(ids) == 30


def test_a_mailbox_on_disk(tmp_path: Path) -> None:
    size_bytes = write("small", 300, tmp_path)
    maildir = tmp_path / "Maildir"
    files = list(maildir.rglob("cur/*"))
    assert len(files) == 300
    assert size_bytes == sum(len(file.read_bytes().replace(b"\n", b"\r\n")) for file in files)
    assert len(list(maildir.glob("**/cur"))) == len(FOLDERS)
    assert (maildir / ".Entw&APw-rfe" / "cur").is_dir()
    assert all(f",S={file.stat().st_size}," in file.name for file in files)


def test_what_was_added_can_be_taken_away(tmp_path: Path) -> None:
    write("small", 40, tmp_path)
    before = {path.name for path in tmp_path.rglob("cur/*")}
    write("small", 7, tmp_path, 1_000_000)
    assert files_below(tmp_path) == 47
    take_away(tmp_path)
    assert {path.name for path in tmp_path.rglob("cur/*")} == before
