"""A private certificate authority for one test session, and good and bad server certificates, by openssl."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.servers.errors import ServerUnavailable

CertificateKind = Literal["good", "expired", "wrong-host", "self-signed"]

_NAMES = {"wrong-host": "DNS:mail.elsewhere.example"}
_LOCAL = "DNS:localhost,IP:127.0.0.1"
_CA_CONFIG = """
[ca]
default_ca = private
[private]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
[req]
distinguished_name = name
[name]
[extensions]
basicConstraints = CA:FALSE
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the certificate, its key, and both in one (mode 600)."""

    certificate: Path
    key: Path
    both: Path


class Pki:
    """Certificates below `folder`, made when first asked for. `ca_file` is what clients trust."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            raise ServerUnavailable("openssl is not installed")
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        folder.mkdir(parents=True, exist_ok=True)
        if not self.ca_file.exists():
            folder.joinpath("ca.conf").write_text(_CA_CONFIG)
            folder.joinpath("index.txt").touch()
            folder.joinpath("serial").write_text("01\n")
            usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
            self._self_signed("ca", "Test authority", ["-addext", "basicConstraints=critical,CA:TRUE", *usage])

    def certificate(self, kind: CertificateKind = "good") -> Certificate:
        """A certificate for localhost and 127.0.0.1 with the fault that `kind` names."""
        made = Certificate(*(self._folder / f"{kind}.{end}" for end in ("pem", "key", "both")))
        if not made.both.exists():
            names = ["-addext", f"subjectAltName={_NAMES.get(kind, _LOCAL)}"]
            if kind == "self-signed":
                self._self_signed(kind, "localhost", names)
            else:
                self._signed(kind, names)
            made.both.touch(mode=0o600)
            made.both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
        return made

    def _self_signed(self, name: str, subject: str, extensions: Sequence[str]) -> None:
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        self._openssl("req", "-x509", *_NEW_KEY, "-days", "30", "-subj", f"/CN={subject}", *files, *extensions)

    def _signed(self, kind: str, extensions: Sequence[str]) -> None:
        files = ["-keyout", f"{kind}.key", "-out", f"{kind}.csr"]
        self._openssl("req", *_NEW_KEY, "-subj", "/CN=localhost", *files, *extensions)
        dates = ["-days", "30"]
        if kind == "expired":
            dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
        asked = ["-in", f"{kind}.csr", "-out", f"{kind}.pem", "-extensions", "extensions"]
        self._openssl("ca", "-batch", "-notext", "-config", "ca.conf", *dates, *asked)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
