"""Tests whether an IMAP server can be reached, without logging in: Test-MigrationServerAvailability.

Name, TCP, TLS with its certificate, greeting, capabilities: each is a step of its own, and the one that fails says
who must do what. The same settings then make the endpoint.
"""

from __future__ import annotations

import asyncio

from mailferry.service.availability_certificate import Certificate, Problem
from mailferry.service.availability_model import Availability, ServerSettings, Step, StepName, StepState
from mailferry.service.availability_run import AvailabilityTest, make_contexts

__all__ = ["LIMIT_SECONDS", "Availability", "Certificate", "Problem", "ServerSettings", "Step", "StepName", "StepState"]
__all__ += ["test_server"]

LIMIT_SECONDS = 15.0


async def test_server(settings: ServerSettings, *, limit_seconds: float = LIMIT_SECONDS) -> Availability:  # noqa: PT028 - no pytest here
    """Try to reach the server, within `limit_seconds` for everything. What fails is in the result, never raised.

    Raises OSError only if `ca_file` cannot be read.
    """
    contexts = await asyncio.to_thread(make_contexts, settings.ca_file)
    test = AvailabilityTest(settings, contexts, limit_seconds)
    try:
        await test.run()
    finally:
        test.close()
    return test.outcome()
