"""The peers run from their unpacked packages."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.servers.base import PASSWORD
from tests.servers.dovecot import Dovecot
from tests.servers.errors import ServerUnavailable
from tests.servers.mailboxes import Message, contents, fill, snapshot
from tests.servers.peers import peers

MBSYNC = """
IMAPAccount {0}
Host 127.0.0.1
Port {1}
User {2}
Pass {3}
SSLType None
AuthMechs LOGIN

IMAPStore {0}
Account {0}

"""
INTERIMAP = "\n[{0}]\ntype = imap\nhost = 127.0.0.1\nport = {1}\nusername = {2}\npassword = {3}\nSTARTTLS = NO\n"


@pytest.mark.parametrize("name", ["mbsync", "interimap"])
def test_a_peer_copies_a_mailbox(
    dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, name: str, tmp_path: Path
) -> None:
    try:
        peer = peers()[name]
    except ServerUnavailable as error:
        pytest.skip(str(error))
    servers = {"source": dovecot, "target": dovecot_mdbox}
    for server in servers.values():
        server.user(fresh_user)
    fill(dovecot, fresh_user, {"INBOX": [Message(b"Subject: %d\r\n\r\n" % n, ("\\Seen",)) for n in range(5)]})
    config = tmp_path / "config"
    if name == "mbsync":
        accounts = "".join(MBSYNC.format(key, s.port, fresh_user, PASSWORD) for key, s in servers.items())
        config.write_text(
            f"{accounts}Channel c\nFar :source:\nNear :target:\nPatterns *\nSync Pull New\nCreate Near\n"
            f"CopyArrivalDate yes\nSyncState {tmp_path}/state-\n"
        )
        arguments = ["-q", "-c", str(config), "c"]
    else:
        names = {"remote": dovecot, "local": dovecot_mdbox}
        sections = "".join(INTERIMAP.format(key, s.port, fresh_user, PASSWORD) for key, s in names.items())
        config.write_text(f"database = {tmp_path}/im.db\n{sections}")
        arguments = ["--quiet", f"--config={config}"]
    config.chmod(0o600)
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), **peer.environment}
    done = subprocess.run([*peer.command, *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = snapshot(dovecot_mdbox, fresh_user)
    for messages in found.values():  # mbsync leaves a line of its own in each message
        messages[:] = [m._replace(data=re.sub(rb"X-TUID: .*\r\n", b"", m.data)) for m in messages]
    assert contents(found) == contents(snapshot(dovecot, fresh_user))
