"""A server's certificate in words: whose it is, who vouches for it, for how long, and why it is not trusted.

Readable also when the verification fails: that is when somebody wants to know.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

SOON_DAYS = 14


class Problem(StrEnum):
    """Why a certificate is not trusted."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SELF_SIGNED = "self-signed"
    UNKNOWN_ISSUER = "unknown-issuer"
    WRONG_NAME = "wrong-name"
    TOO_WEAK = "too-weak"
    OTHER = "other"


# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_BY_VERIFY_CODE = {
    2: Problem.UNKNOWN_ISSUER,
    9: Problem.NOT_YET_VALID,
    10: Problem.EXPIRED,
    18: Problem.SELF_SIGNED,
    19: Problem.UNKNOWN_ISSUER,
    20: Problem.UNKNOWN_ISSUER,
    21: Problem.UNKNOWN_ISSUER,
    62: Problem.WRONG_NAME,
    64: Problem.WRONG_NAME,
    66: Problem.TOO_WEAK,
    67: Problem.TOO_WEAK,
    68: Problem.TOO_WEAK,
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands in a certificate. Moments are UTC; `names` are its DNS names and IP addresses; `expires_in_days` is
    negative for an expired one. `problem` is None if it was verified.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    expires_in_days: int
    key: str
    self_issued: bool
    problem: Problem | None = None

    @property
    def text(self) -> str:
        """One line for people."""
        names = ", ".join(self.names[:10]) or "no name"
        return (
            f"certificate of {self.subject} for {names}; issued by {self.issuer}; "
            f"valid from {self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d} "
            f"({_days(self.expires_in_days)}); {self.key}"
        )


def read_certificate(der: bytes, now: datetime, problem: Problem | None = None) -> Certificate | None:
    """Read a certificate as it came in the handshake; None if it cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=_name(found.subject),
            issuer=_name(found.issuer),
            names=_names(found),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            expires_in_days=(found.not_valid_after_utc - now.astimezone(UTC)).days,
            key=_key(found),
            self_issued=found.subject == found.issuer,
            problem=problem,
        )
    except (ValueError, UnsupportedAlgorithm):
        return None


def problem_of(error: ssl.SSLCertVerificationError) -> Problem:
    """Say what a failed verification was about."""
    return _BY_VERIFY_CODE.get(error.verify_code, Problem.OTHER)


def explain(problem: Problem, detail: str, server: str, found: Certificate | None) -> tuple[str, str]:
    """Say what is wrong, and who must do what. `detail` is OpenSSL's own text."""
    anyway = "If you know that this is the right server, AcceptUntrustedCertificates goes on without the check."
    renew = f"The administrator of {server} must renew the certificate"
    names = ", ".join(found.names[:10]) if found else ""
    issuer = f"'{found.issuer}'" if found else "that signed it"
    match problem:
        case Problem.EXPIRED:
            when = f" on {found.not_after:%Y-%m-%d} ({_days(found.expires_in_days)})" if found else ""
            return f"the certificate expired{when}", f"{renew}. {anyway}"
        case Problem.NOT_YET_VALID:
            when = f" before {found.not_before:%Y-%m-%d %H:%M} UTC" if found else " yet"
            return f"the certificate is not valid{when}", f"Check the clock of this machine. {renew}. {anyway}"
        case Problem.SELF_SIGNED:
            authority = f"The administrator of {server} should install a certificate of a public authority"
            return "the certificate is self-signed: nobody vouches for it", f"{authority}. {anyway}"
        case Problem.UNKNOWN_ISSUER:
            text = f"the certificate's issuer {issuer} is not known to this machine"
            chain = f"The administrator of {server} should have it send the intermediate certificates too"
            return text, f"{chain}, or this machine must be made to trust the authority {issuer}. {anyway}"
        case Problem.WRONG_NAME:
            text = f"the certificate is for {names or 'no name at all'}, not for {server}"
            use = f"Use a name in the certificate as RemoteServer ({names})" if names else "Use another RemoteServer"
            return text, f"{use}, or have a certificate made that names {server}. {anyway}"
        case Problem.TOO_WEAK:
            key = f" ({found.key})" if found else ""
            return f"the certificate is too weak{key}: {detail}", f"{renew} with a longer key and SHA-256. {anyway}"
        case _:
            return f"the certificate is not accepted: {detail}", f"{renew}. {anyway}"


def _days(days: int) -> str:
    whole = days if days >= 0 else -days - 1
    return f"{whole} day{'s' * (whole != 1)} {'left' if days >= 0 else 'ago'}"


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "(no name)"


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = names.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(address) for address in names.get_values_for_type(x509.IPAddress)))


def _key(found: x509.Certificate) -> str:
    key = found.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")
