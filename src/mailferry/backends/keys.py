"""Names of mailboxes in the ledger. On their own, because they are needed before a backend is loaded."""

from __future__ import annotations


def imap_key(user: str, host: str, port: int, *, authzid: str = "", user_root: str = "") -> str:
    """Name a mailbox on an IMAP server; no secrets."""
    root = f";root={user_root}" if user_root else ""
    other = f";as={authzid}" if authzid else ""
    return f"imap://{user}{other}@{host.lower()}:{port}{root}"
