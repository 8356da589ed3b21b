"""What the service refuses, and why. The API gives each code its HTTP status."""

from __future__ import annotations

from mailferry.errors import MailferryError, Retry, Side


class NotFound(MailferryError):
    """There is no such object."""

    code = "not-found"
    advice = "Check the name; the list command shows what there is."


class AlreadyExists(MailferryError):
    """The name is taken."""

    code = "already-exists"
    advice = "Choose another name. The name of a batch that is being removed is free again when the removal has ended."


class WrongState(MailferryError):
    """That is not possible in this state."""

    code = "wrong-state"
    retry = Retry.LATER
    advice = "Wait until the state allows it, or change the state first."


class InUse(MailferryError):
    """Something else still needs it."""

    code = "in-use"
    retry = Retry.AFTER_REPAIR
    advice = "Remove what uses it first."


class InvalidValue(MailferryError):
    """A value cannot be used."""

    code = "invalid-value"
    advice = "Correct the value and send the request again."

    def __init__(self, detail: str = "", *, side: Side = Side.LOCAL, wait_seconds: float = 0.0, name: str = "") -> None:
        super().__init__(detail, side=side, wait_seconds=wait_seconds)
        self.name = name


class Forbidden(MailferryError):
    """The token does not allow this."""

    code = "forbidden"
    retry = Retry.AFTER_REPAIR
    advice = "Use a token with the role operator."


class DataFolderBusy(MailferryError):
    """Another process works in this data folder."""

    code = "data-folder-busy"
    retry = Retry.LATER
    advice = "Use the service that runs, stop it, or name another folder with --data."


class EndpointUnavailable(MailferryError):
    """The test of the endpoint failed, so it was not saved."""

    code = "endpoint-unavailable"
    retry = Retry.AFTER_REPAIR
    advice = "Mend what the test found, or save it untested with SkipVerification."
