"""What can go wrong with the database of the service."""

from __future__ import annotations

from mailferry.errors import MailferryError, Retry


class StoreError(MailferryError):
    """The database of the service failed."""

    code = "store-failed"


class StoreUnreadable(StoreError):
    """The database of the service cannot be used."""

    code = "store-unreadable"
    retry = Retry.AFTER_REPAIR
    advice = (
        "Check the data folder or the database URL, and that this version of Mailferry is not older than the one that "
        "wrote the database."
    )


class StoreUnwritable(StoreError):
    """The database of the service cannot be written."""

    code = "store-unwritable"
    retry = Retry.AFTER_REPAIR
    advice = "Check the free space and the permissions of the data folder, or the rights of the database role."


class StoreUnavailable(StoreError):
    """The database of the service does not answer."""

    code = "store-unavailable"
    retry = Retry.SOON
    advice = "Check that the database server runs; the service goes on by itself when it does."


class KeyUnusable(MailferryError):
    """The key of the stored passwords cannot be used."""

    code = "key-unusable"
    retry = Retry.AFTER_REPAIR
    advice = "Restore the key file of this data folder, and make it readable for the service's account alone."
