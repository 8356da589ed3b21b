"""A private Dovecot 2.3 for one test or one session."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

from tests.servers.base import PASSWORD, Account, PrivateServer
from tests.servers.dovecot_config import DovecotOptions, Place, announced, render
from tests.servers.errors import ServerUnavailable
from tests.servers.namespace import DAEMON_USER

ISSUER = "https://issuer.example/"
ADMIN = "mailadmin"
_TOKEN_KEY = b"a key that only the tests know"

# Dovecot looks at a passwd-file once a second at most; a script reads the list for every login.
_LUA = r"""
local folder = "@FOLDER@"

local function secret_of(file, name)
  for line in io.lines(folder .. "/" .. file) do
    local found, secret = line:match("^([^\t]*)\t(.*)$")
    if found == name then return secret end
  end
end

local slashes_star_and_hashes = {
  { "^[^/]+/([^/]+)/([^/]+)$", 1, 2 },
  { "^([^*]+)%*([^*]+)$", 2, 1 },
  { "^#([^#@]+)@[^#]+#([^#]+)#$", 2, 1 },
}

local forms = @FORMS@

local function who(login)
  for _, form in ipairs(forms) do
    local parts = { login:match(form[1]) }
    if parts[1] then return "masters", parts[form[2]], parts[form[3]] end
  end
  local name = forms[1] and login:match("^[^\\]+\\([^\\]+)$") or login
  return "@FILE@", name, name
end

function script_init() return 0 end
function script_deinit() end

function auth_passdb_lookup(req)
  local file, login, name = who(req.user)
  local secret = secret_of(file, login)
  if not secret or not secret_of("@FILE@", name) then
    return dovecot.auth.PASSDB_RESULT_USER_UNKNOWN, "no such user"
  end
  return dovecot.auth.PASSDB_RESULT_OK, { password = "{PLAIN}" .. secret, user = name }
end

function auth_userdb_lookup(req)
  if not secret_of("users", req.user) then return dovecot.auth.USERDB_RESULT_USER_UNKNOWN, "no such user" end
  local home = folder .. "/mail/" .. req.user
  return dovecot.auth.USERDB_RESULT_OK, { uid = "@OWNER@", gid = "@OWNER@", home = home }
end
"""


class Dovecot(PrivateServer):
    """`with Dovecot(DovecotOptions(store="mdbox")) as server:`; see `PrivateServer` for the rest.

    An admin `mailadmin` with password `secret` is always there: `user*mailadmin` and the SASL PLAIN
    authorisation identity open the user's mailbox.
    """

    kind = "dovecot"

    def __init__(self, options: DovecotOptions | None = None) -> None:
        self.options = options or DovecotOptions()
        super().__init__(certificate=self.options.certificate)
        self._masters: dict[str, str] = {}
        for name in ("run", "state", "bin"):
            self.folder.joinpath(name).mkdir()
        self._write_fixed()
        self._write("users", "")
        self.master(ADMIN)

    def user(self, name: str, password: str = PASSWORD) -> Account:
        """Make a user, or change the password of one. Any password without NUL, CR, LF and TAB will do."""
        home = self.folder / "mail" / name
        home.mkdir(exist_ok=True)
        account = self.accounts[name] = Account(name, password, home)
        self._write("users", "".join(f"{a.name}\t{a.password}\n" for a in self.accounts.values()))
        return account

    def master(self, name: str, password: str = PASSWORD) -> None:
        """Make an admin who may open every mailbox. No mailbox of its own: call `user` for that."""
        self._masters[name] = password
        self._write("masters", "".join(f"{who}\t{secret}\n" for who, secret in self._masters.items()))

    def token(self, user: str, *, lifetime_seconds: int = 3600, issuer: str = ISSUER) -> str:
        """A token that XOAUTH2 and OAUTHBEARER take for this user. A negative lifetime makes it expired."""
        now = int(time.time())
        claims = {"sub": user, "upn": user, "iss": issuer, "iat": now, "nbf": now - 7200, "exp": now + lifetime_seconds}
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        signature = hmac.new(_TOKEN_KEY, signed, hashlib.sha256).digest()
        return b".".join((signed, _base64url(signature))).decode()

    def log_text(self) -> str:
        path = self.folder / "log" / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def doveadm(self, *arguments: str) -> str:
        """Run doveadm against this server; return what it prints."""
        command = ["doveadm", "-c", str(self.folder / "dovecot.conf"), *arguments]
        return self.namespace.run(command).decode(errors="replace")

    def _launch(self) -> None:
        self._check_version()
        run = self.folder / "run"
        for left in run.iterdir():  # a pid left by a killed server may be somebody else's by now
            if left.is_file() or left.is_socket():
                left.unlink()
        place = Place(self.folder, self.port, self.tls_port, self.certificate)
        self._write("dovecot.conf", render(self.options, place))
        self.namespace.start(["/usr/sbin/dovecot", "-F", "-c", str(self.folder / "dovecot.conf")])

    def _check_version(self) -> None:
        version = self.namespace.run(["/usr/sbin/dovecot", "--version"]).decode()
        if not version.startswith("2.3."):
            raise ServerUnavailable(f"Dovecot 2.3 is wanted, the package source has {version.strip()}")

    def _write_fixed(self) -> None:
        for file in ("users", "masters"):
            forms = "slashes_star_and_hashes" if file == "users" and self.options.admin_logins else "{}"
            values = {"FOLDER": str(self.folder), "FORMS": forms, "FILE": file, "OWNER": DAEMON_USER}
            text = _LUA
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            self._write(f"{file}.lua", text)
        self._write("global-acl", f"* user={ADMIN} lrwstipekxa\n* owner lrwstipekxa\n")
        keys = self.folder / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        keys.joinpath("default").write_bytes(base64.b64encode(_TOKEN_KEY))
        oauth2 = {
            "introspection_mode": "local",
            "local_validation_key_dict": f"fs:posix:prefix={self.folder}/keys/",
            "username_attribute": "upn",
            "issuers": ISSUER,
        }
        self._write("oauth2.conf", "".join(f"{key} = {value}\n" for key, value in oauth2.items()))
        if lists := announced(self.options):
            for name, program, capability in zip(("login", "imap"), ("imap-login", "imap"), lists, strict=True):
                setting = f"imap_capability={capability}"
                text = f'#!/bin/sh\nexec /usr/lib/dovecot/{program} -o "{setting}" "$@"\n'
                wrapper = self._write(f"bin/{name}", text)
                wrapper.chmod(0o755)

    def _write(self, name: str, text: str) -> Path:
        """Replace a file at once: the server may be reading it."""
        path = self.folder / name
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(text)
        return fresh.replace(path)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
