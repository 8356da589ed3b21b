"""The nouns of the Unix spelling, for `mailferry --help` and to know one without loading the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NOUNS: Final[Mapping[str, str]] = {
    "endpoint": "endpoints: servers and folders; new, get, set, remove",
    "batch": "batches of mailboxes: new, get, set, start, stop, complete, remove",
    "user": "mailboxes: get, set, start, stop, remove",
    "user-statistics": "figures and reports of a mailbox: get",
    "statistics": "totals of the service: get",
    "config": "settings of the service: get, set",
    "server": "test a server: test",
    "report": "a line for each mailbox of a batch: export",
    "accepted-domain": "domains that mail may be brought to: get, new, remove",
    "mailbox": "mailboxes of a target: get",
}
