"""Tests that break a connection on purpose, and the proxy that breaks it."""
