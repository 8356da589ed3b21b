"""Mailferry moves mailboxes between mail servers: exactly once, and as fast as the servers allow."""

__version__ = "0.1.0"
