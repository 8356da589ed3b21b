"""Settings of the whole suite: Hypothesis profiles, the servers' fixtures, and no skips in CI."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The servers' fixtures are a plugin, so that every folder of tests has them.
if Path(__file__).with_name("servers").joinpath("plugin.py").exists():
    pytest_plugins = ["tests.servers.plugin"]

# No deadline: other work on the machine must not fail a test.
# The same examples each time, so that a run says something about the change; `make fuzz` looks for new ones.
settings.register_profile("short", deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "long", deadline=None, print_blob=True, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("short")

NO_SKIPS = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
"""In CI a skipped test is a failed one: what did not run was not shown to work."""


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that names its reason. A strict xfail is a skip to pytest, and stays."""
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"A skipped test fails in CI. {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """See NO_SKIPS."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """See NO_SKIPS; a whole module can skip itself."""
    report = yield
    _fail_if_skipped(report)
    return report
