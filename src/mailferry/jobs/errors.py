"""What can go wrong with the running of passes."""

from __future__ import annotations

from mailferry.errors import MailferryError, Retry


class WorkerLost(MailferryError):
    """The worker process ended unexpectedly, several times in a row, while it copied this mailbox."""

    code = "worker-lost"
    retry = Retry.AFTER_REPAIR
    advice = "The log of the service says how the worker ended; then start the user again."
