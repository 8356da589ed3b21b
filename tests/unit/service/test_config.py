"""Settings of the service: defaults, what is refused, what a newer version may have written."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from mailferry.service.config import Config
from mailferry.service.errors import InvalidValue
from mailferry.store import settings
from tests.unit.service.scene import Scene


async def test_what_is_not_set_has_its_default(scene: Scene) -> None:
    config = await scene.config.get()
    assert asdict(config) == {
        "incremental_interval_seconds": 86_400.0,
        "max_number_of_batches": 100,
        "max_items": 500_000,
        "max_message_bytes": 36_700_160,
        "retry_attempts": 10,
        "retry_seconds": 30.0,
        "longest_retry_seconds": 1_800.0,
        "repair": "line-ends",
        "smtp_server": "",
        "smtp_port": 587,
        "smtp_security": "Tls",
        "smtp_user": "",
        "smtp_from": "",
        "smtp_ca_file": "",
    }
    changed = await scene.config.change({"max_items": 5, "retry_seconds": "0.5", "repair": "all"})
    assert (changed.max_items, changed.retry_seconds, changed.repair) == (5, 0.5, "all")
    assert await scene.config.get() == changed
    assert await scene.config.change({}) == changed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_such_setting", 1),
        ("max_items", 0),
        ("max_items", -1),
        ("max_items", "many"),
        ("max_items", 1.5),
        ("max_items", True),
        ("max_items", None),
        ("max_number_of_batches", 10**30),
        ("retry_seconds", "nan"),
        ("retry_seconds", "inf"),
        ("retry_seconds", 1_801),
        ("repair", "everything"),
    ],
)
async def test_a_value_that_cannot_be_used(scene: Scene, name: str, value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        await scene.config.change({"max_message_bytes": 7, name: value})
    assert caught.value.name in (name, "longest_retry_seconds")
    assert await scene.config.get() == Config(), "all or nothing"


async def test_settings_of_a_newer_version_are_passed_over(scene: Scene) -> None:
    async with scene.database.begin() as connection:
        await settings.put(connection, "of_tomorrow", "x")
        await settings.put(connection, "max_items", "7")
    assert await scene.config.get() == Config(max_items=7)
