"""Why a test server cannot be had."""

from __future__ import annotations


class ServerUnavailable(Exception):
    """The server cannot run on this machine; the text says why. A test that needs it is skipped."""


class ServerFailed(Exception):
    """The server should run here and did not; the text holds the end of its log. A test that needs it fails."""
