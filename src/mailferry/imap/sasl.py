"""SASL mechanisms (RFC 4422) and the choice among them. No I/O; base64 is the caller's.

A mechanism may be believed only when the server says OK *and* `finished` is true: SCRAM is not finished
before the server has proven that it knows the password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stringprep
import unicodedata
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from types import MappingProxyType
from typing import Final, Protocol

from mailferry.imap.capability import Capabilities
from mailferry.imap.errors import LoginRefused, ProtocolError
from mailferry.imap.values import Secret
from mailferry.records import dataclass

LOGIN_COMMAND: Final = ""
"""What `choose` gives for the LOGIN command (RFC 3501, 6.2.3), which is no SASL mechanism."""

MIN_ITERATIONS: Final = 4096  # RFC 7677, section 4
MAX_ITERATIONS: Final = 1_000_000  # about half a second; a hostile server could ask for hours


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in. `authzid` is whose mailbox it is, if not the user's own; `token` is an OAuth 2 access token."""

    user: str
    password: Secret | None = None
    token: Secret | None = None
    authzid: str = ""
    host: str = ""
    port: int = 0


class Mechanism(Protocol):
    """One run of one mechanism."""

    name: str

    @property
    def finished(self) -> bool:
        """Whether an OK of the server may be believed now."""
        ...

    def initial(self) -> bytes | None:
        """Give the initial response, or None if the server speaks first."""
        ...

    def respond(self, challenge: bytes) -> bytes:
        """Answer a challenge. Raises ProtocolError, LoginRefused."""
        ...


class Plain:
    """PLAIN (RFC 4616)."""

    name = "PLAIN"
    finished = True

    def __init__(self, credentials: Credentials) -> None:
        fields = (credentials.authzid, credentials.user, _password(credentials))
        if any("\0" in part for part in fields):
            raise ValueError("PLAIN carries no NUL")
        self._message = "\0".join(fields).encode()

    def initial(self) -> bytes:
        """Authorisation identity, user, password."""
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """Nothing more is to be said."""
        raise ProtocolError("PLAIN: a challenge after the end")


class Login:
    """LOGIN, never standardised: the server asks for the name, then for the password, whatever words it uses."""

    name = "LOGIN"

    def __init__(self, credentials: Credentials) -> None:
        self._answers = [credentials.user.encode(), _password(credentials).encode()]

    @property
    def finished(self) -> bool:
        """Both have been asked for."""
        return not self._answers

    def initial(self) -> None:
        """The server speaks first."""

    def respond(self, challenge: bytes) -> bytes:
        """Give the name, then the password."""
        if not self._answers:
            raise ProtocolError("LOGIN: a challenge after the end")
        return self._answers.pop(0)


class _Bearer:
    """What XOAUTH2 and OAUTHBEARER have in common: a refusal comes as a challenge, and must be answered."""

    _farewell = b""

    def __init__(self) -> None:
        self.refusal = ""

    @property
    def finished(self) -> bool:
        """No refusal has come."""
        return not self.refusal

    def respond(self, challenge: bytes) -> bytes:
        """Keep the refusal (JSON) and say the words after which the server sends its NO."""
        self.refusal = challenge.decode("utf-8", "replace") or "refused"
        return self._farewell


class Xoauth2(_Bearer):
    """XOAUTH2 of Google and Microsoft. `refusal` is the JSON that the server sent instead of success."""

    name = "XOAUTH2"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._message = f"user={_no_separator(credentials.user)}\x01auth=Bearer {_token(credentials)}\x01\x01".encode()

    def initial(self) -> bytes:
        """User and token."""
        return self._message


class OauthBearer(_Bearer):
    """OAUTHBEARER (RFC 7628). `refusal` is the JSON that the server sent instead of success."""

    name = "OAUTHBEARER"
    _farewell = b"\x01"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        fields = [f"n,a={_saslname(_no_separator(credentials.user))},"]
        if credentials.host:
            fields.append(f"host={credentials.host}")
        if credentials.port:
            fields.append(f"port={credentials.port}")
        self._message = "\x01".join((*fields, f"auth=Bearer {_token(credentials)}", "", "")).encode()

    def initial(self) -> bytes:
        """User, host, port and token."""
        return self._message


class ScramSha256:
    """SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677)."""

    name = "SCRAM-SHA-256"

    def __init__(self, credentials: Credentials, nonce: Callable[[], str] = token_urlsafe) -> None:
        self._password = saslprep(_password(credentials)).encode()
        self._nonce = nonce()
        self._header = f"n,{'a=' + _saslname(credentials.authzid) if credentials.authzid else ''},"
        self._first_bare = f"n={_saslname(saslprep(credentials.user))},r={self._nonce}"
        self._server_signature: bytes | None = None
        self.finished = False

    def initial(self) -> bytes:
        """Name and nonce."""
        return (self._header + self._first_bare).encode()

    def respond(self, challenge: bytes) -> bytes:
        """Prove that we know the password, then check that the server does."""
        if self.finished:
            raise ProtocolError("SCRAM: a challenge after the end")
        fields = self._fields(challenge)
        if "e" in fields:
            raise LoginRefused(f"SCRAM: {fields['e'][:80]}", "AUTHENTICATIONFAILED")
        if self._server_signature is None:
            return self._prove(fields, challenge)
        if not hmac.compare_digest(_base64(fields.get("v", "")), self._server_signature):
            raise ProtocolError("SCRAM: the server does not know the password, so it is not the right one")
        self.finished = True
        return b""

    def _fields(self, challenge: bytes) -> dict[str, str]:
        try:
            words = challenge.decode("utf-8").split(",")
        except UnicodeDecodeError:
            raise ProtocolError("SCRAM: not UTF-8") from None
        if any(word[1:2] != "=" for word in words):
            raise ProtocolError("SCRAM: a message that cannot be understood")
        return {word[0]: word[2:] for word in reversed(words)}

    def _prove(self, fields: Mapping[str, str], server_first: bytes) -> bytes:
        nonce, salt, iterations = fields.get("r", ""), _base64(fields.get("s", "")), fields.get("i", "")
        if "m" in fields:
            raise ProtocolError("SCRAM: an extension that must be understood is not")
        if not nonce.startswith(self._nonce) or nonce == self._nonce or not salt:
            raise ProtocolError("SCRAM: the nonce is not ours, or there is no salt")
        if not re.fullmatch(r"[1-9][0-9]{0,8}", iterations) or not MIN_ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
            raise ProtocolError(f"SCRAM: {iterations[:12]} iterations, not {MIN_ITERATIONS} to {MAX_ITERATIONS}")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, int(iterations))
        without_proof = f"c={b64encode(self._header.encode()).decode()},r={nonce}".encode()
        signed = b",".join((self._first_bare.encode(), server_first, without_proof))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        self._server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return without_proof + b",p=" + b64encode(proof)


MECHANISMS: Final[Mapping[str, Callable[[Credentials], Mechanism]]] = MappingProxyType(
    {
        "PLAIN": Plain,
        "LOGIN": Login,
        "XOAUTH2": Xoauth2,
        "OAUTHBEARER": OauthBearer,
        "SCRAM-SHA-256": ScramSha256,
    }
)


def choose(
    capabilities: Capabilities, credentials: Credentials, *, requested: str | None = None, encrypted: bool = True
) -> str:
    """Name the mechanism to use, or LOGIN_COMMAND. Raises LoginRefused if the server offers none that fits.

    A token goes by XOAUTH2 before OAUTHBEARER, since more servers have it. A password inside TLS goes by PLAIN, which
    works whatever form the server stores it in; in the clear SCRAM comes first. A name with a backslash goes by
    LOGIN if it can: Exchange takes `domain\\user` in no other way. `requested` overrules all that.
    """
    offered = capabilities.auth_mechanisms
    if requested is not None:
        return _requested(requested.upper(), capabilities)
    if credentials.token is not None:
        order = ["XOAUTH2", "OAUTHBEARER"]
    elif credentials.authzid:
        order = ["PLAIN", "SCRAM-SHA-256"] if encrypted else ["SCRAM-SHA-256", "PLAIN"]
    else:
        if "\\" in credentials.user and not capabilities.login_disabled:
            return LOGIN_COMMAND
        order = ["PLAIN", "SCRAM-SHA-256", "LOGIN"] if encrypted else ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
    for name in order:
        if name in offered:
            return name
    if credentials.token is None and not credentials.authzid and not capabilities.login_disabled:
        return LOGIN_COMMAND
    raise LoginRefused(f"the server offers none of {', '.join(order)}, only {', '.join(sorted(offered)) or 'nothing'}")


def _requested(name: str, capabilities: Capabilities) -> str:
    if name in capabilities.auth_mechanisms and name in MECHANISMS:
        return name
    if name == "LOGIN" and not capabilities.login_disabled:
        return LOGIN_COMMAND
    raise LoginRefused(f"{name} is not offered by the server, or not known here")


def saslprep(text: str) -> str:
    """Normalise a name or password (RFC 4013); a text that is not allowed there stays as it is."""
    kept = (char for char in text if not stringprep.in_table_b1(char))
    mapped = "".join(" " if stringprep.in_table_c12(char) else char for char in kept)
    prepared = unicodedata.normalize("NFKC", mapped)
    return text if any(unicodedata.category(char) in ("Cc", "Cs", "Co") for char in prepared) else prepared


def _saslname(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _no_separator(name: str) -> str:
    if "\x01" in name:
        raise ValueError("a user name holds no control character 1")
    return name


def _password(credentials: Credentials) -> str:
    if credentials.password is None:
        raise ValueError("a password is needed")
    return credentials.password.reveal()


def _token(credentials: Credentials) -> str:
    if credentials.token is None:
        raise ValueError("a token is needed")
    return _no_separator(credentials.token.reveal())


def _base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError):
        raise ProtocolError("SCRAM: broken base64") from None
