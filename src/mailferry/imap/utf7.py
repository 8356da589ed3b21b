"""Modified UTF-7, the encoding of mailbox names (RFC 3501, 5.1.3)."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64

_UNSAFE_RUN = re.compile(r"&|[^ -~]+")
_SHIFT = re.compile(rb"&([^-&]*)(-|(?=&)|$)")
_BASE64 = re.compile(rb"[A-Za-z0-9+,]+")


def encode(name: str) -> bytes:
    """Encode a name. Every str without surrogates has one encoding, which `decode` turns back.

    Raises ValueError for a lone surrogate.
    """
    return _UNSAFE_RUN.sub(lambda run: "&-" if run[0] == "&" else _shifted(run[0]), name).encode("ascii")


def decode(raw: bytes) -> str:
    """Decode a name. Never raises and never gives surrogates: what is not modified UTF-7 stands as it came.

    Some servers send names in raw UTF-8 (or Latin-1), and some break the base64; then the result is only for
    people to read, and the raw name is what goes back to the server.
    """
    if not raw.isascii():
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    if b"&" not in raw:
        return raw.decode("ascii")
    pieces: list[str] = []
    end = 0
    for shift in _SHIFT.finditer(raw):
        pieces.append(raw[end : shift.start()].decode("ascii"))
        pieces.append(_unshifted(shift[1], shift[0]))
        end = shift.end()
    pieces.append(raw[end:].decode("ascii"))
    return "".join(pieces)


def is_canonical(raw: bytes) -> bool:
    """Say whether `raw` is exactly what `encode` makes of the name it stands for."""
    return raw.isascii() and encode(decode(raw)) == raw


def _shifted(run: str) -> str:
    encoded = b2a_base64(run.encode("utf-16-be"), newline=False)
    return "&" + encoded.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _unshifted(base64: bytes, whole: bytes) -> str:
    if not base64:
        return "&" if whole == b"&-" else whole.decode("ascii")
    if not _BASE64.fullmatch(base64):
        return whole.decode("ascii")
    try:
        return a2b_base64(base64.replace(b",", b"/") + b"=" * (-len(base64) % 4)).decode("utf-16-be")
    except (Error, UnicodeDecodeError):
        return whole.decode("ascii")
