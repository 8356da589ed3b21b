"""Is it the messages, or the folder? Before many refusals in a row are written down as skipped messages, a small
message that nothing is wrong with is sent to the folder and removed again.
"""

from __future__ import annotations

from mailferry import errors
from mailferry.backends.base import FolderPath, Mail, Mode, OutcomeKind, Target

_MAIL = (
    b"From: Mailferry <mailferry@localhost.invalid>\r\nSubject: Mailferry writes a test message and removes it\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <probe@mailferry.invalid>\r\n\r\nIt may be deleted.\r\n"
)
_DATE = 1_767_225_600


class SuspectRefusals(errors.CommandFailed):
    """The target refused several messages in a row with the same words."""

    code = "suspect-refusals"
    retry = errors.Retry.SOON
    scope = errors.Scope.FOLDER
    folder = b""  # the source's name of it
    advice = "A test message shows whether the folder takes any mail; the server's own text says why it does not."


def can_probe(target: Target) -> bool:
    """Say whether a test message could be removed again, and only that."""
    features = target.features
    return features.uid_expunge and features.reports_new_ids and not features.idempotent_names


async def probe(target: Target, path: FolderPath) -> str:
    """Send the test message and remove it. Gives the server's refusal, '' if it was taken."""
    lane = await target.open_lane()
    try:
        mode = Mode.SINGLE if Mode.SINGLE in lane.modes else Mode.SYNC
        chunk = lane.chunk(path, mode, "probe")
        chunk.add(Mail(1, frozenset({"\\Seen"}), _DATE, 0, len(_MAIL), _MAIL), frozenset({"\\Seen"}), _DATE, 0)
        outcome = (await chunk.release())[0]
    finally:
        await lane.close()
    if outcome is None:
        raise errors.ConnectionLost("while a test message was sent", side=errors.Side.TARGET)
    if outcome.kind is not OutcomeKind.STORED:
        return outcome.text or outcome.code or "refused"
    await target.remove(path, [outcome.uid])
    return ""
