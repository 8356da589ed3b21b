"""The bare loop that a Maildir target is compared with."""

from __future__ import annotations

from pathlib import Path

from bench.disk import store_all
from bench.sources import write


def test_every_message_is_stored_in_its_folder(tmp_path: Path) -> None:
    write("small", 60, tmp_path)
    source, target = tmp_path / "Maildir", tmp_path / "copy"
    assert store_all(source, target) == 60
    for current in source.rglob("cur"):
        stored = target / current.relative_to(source)
        assert sorted(p.read_bytes() for p in stored.iterdir()) == sorted(p.read_bytes() for p in current.iterdir())
    assert not list(target.rglob("tmp/*"))
