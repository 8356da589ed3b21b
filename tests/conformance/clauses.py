"""The decorator that turns a clause of the contract into tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailferry.backends.base import Target
from tests.conformance.backends import BACKENDS
from tests.conformance.contract import BackDoor, Backend, Site

Needs = Callable[[Backend], bool]
Clause = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clause is given: the backend, its site, and one open session."""

    backend: Backend
    site: Site
    target: Target

    async def again(self) -> Target:
        """Close the session and give another, to look from outside or go on after a break. The clause closes it."""
        await self.target.close()
        return await self.site.connect()

    @property
    def door(self) -> BackDoor:
        """The back door; only for clauses that need one."""
        assert self.backend.back_door is not None
        return self.backend.back_door(self.site)


def clause(
    *, needs: Needs = lambda _: True, modes: bool = False, cases: Mapping[str, Any] | None = None
) -> Callable[[Clause], Callable[..., None]]:
    """Make a test of `async def clause(subject, [mode], [case])` for each backend for which `needs` holds.

    Where it does not hold there is no test, so nothing is ever skipped. `modes`: once for each mode of the
    backend's lanes; `cases`: once for each value.
    """
    pairs = [
        pytest.param(
            backend, extra, id="-".join([backend.name, *ids]), marks=[getattr(pytest.mark, m) for m in backend.markers]
        )
        for backend in BACKENDS
        if needs(backend)
        for ids, extra in _extras(backend, modes, cases)
    ]

    def make(test: Clause) -> Callable[..., None]:
        def run(backend: Backend, extra: tuple[Any, ...], tmp_path: Path, request: pytest.FixtureRequest) -> None:
            asyncio.run(_run(backend, backend.open_site(tmp_path, request.getfixturevalue), test, extra))

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        # pytest reads `__test__`. No backend, no test.
        vars(run)["__test__"] = bool(pairs)
        parametrized: Callable[..., None] = pytest.mark.parametrize(("backend", "extra"), pairs)(run)
        return parametrized

    return make


def _extras(backend: Backend, modes: bool, cases: Mapping[str, Any] | None) -> list[tuple[list[str], tuple[Any, ...]]]:
    first: list[tuple[list[str], tuple[Any, ...]]] = [([], ())]
    if modes:
        first = [([mode.value], (mode,)) for mode in sorted(backend.modes, key=lambda mode: mode.value)]
    if cases is None:
        return first
    return [([*ids, name], (*extra, case)) for ids, extra in first for name, case in cases.items()]


async def _run(
    backend: Backend, opening: AbstractAsyncContextManager[Site], test: Clause, extra: tuple[Any, ...]
) -> None:
    async with opening as site:
        target = await site.connect()
        try:
            await test(Subject(backend, site, target), *extra)
        finally:
            await target.close()
