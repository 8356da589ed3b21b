"""What the private servers rest on, without a server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.base import PrivateServer, free_ports
from tests.servers.client import parse
from tests.servers.errors import ServerFailed, ServerUnavailable
from tests.servers.mailboxes import decode_name, encode_name
from tests.servers.namespace import Namespace
from tests.servers.packages import cache_folder, package_tree
from tests.servers.plugin import Pool

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Entwürfe", b"Entw&APw-rfe"),
        ("A&B", b"A&-B"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("😀", b"&2D3eAA-"),
    ],
)
def test_modified_utf7_both_ways(name: str, wire: bytes) -> None:
    assert encode_name(name) == wire
    assert decode_name(wire) == name


def test_a_name_that_is_no_utf7_comes_out_anyway() -> None:
    assert decode_name(b"caf\xe9 &x").encode("utf-8", "surrogateescape") == b"caf\xe9 &x"


def test_responses_are_split_with_literals_and_nested_lists() -> None:
    line = b'* 1 FETCH (FLAGS (\\Seen $a) "q \\" \\\\" {3}\r\na)( NIL BODY[HEADER.FIELDS (TO)] X)'
    fields = [b"FLAGS", [b"\\Seen", b"$a"], b'q " \\', b"a)(", None, b"BODY[HEADER.FIELDS (TO)]", b"X"]
    assert parse(line) == [b"*", b"1", b"FETCH", fields]


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MAILFERRY_CACHE", raising=False)
    assert cache_folder() == tmp_path / "mailferry"
    monkeypatch.setenv("MAILFERRY_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_without_apt_or_unshare_a_server_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerUnavailable, match="apt-get is not installed"):
        package_tree("dovecot")
    with pytest.raises(ServerUnavailable, match="unshare is not installed"):
        Namespace(tmp_path, tmp_path / "box").start(["true"])


def test_a_namespace_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="no user namespace with its own /usr"):
        Namespace(tmp_path / "missing", tmp_path / "box").start(["true"])


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_a_pool_remembers_what_it_cannot_have() -> None:
    def unavailable() -> PrivateServer:
        raise ServerUnavailable("no kernel")

    def failing() -> PrivateServer:
        raise ServerFailed("no luck")

    def unexpected() -> PrivateServer:
        raise AssertionError("asked again")

    reasons: dict[str, str] = {}
    pool = Pool(reasons)
    for make in (unavailable, unexpected):
        with pytest.raises(pytest.skip.Exception, match="no kernel"):
            pool.get("courier", None, make)
    for make in (failing, unexpected):
        with pytest.raises(ServerFailed, match="no luck"):
            pool.get("cyrus", None, make)
    assert reasons == {"courier": "no kernel"}


def test_the_summary_tells_which_servers_were_not_available(tmp_path: Path) -> None:
    tmp_path.joinpath("test_it.py").write_text("def test_it(courier):\n    raise AssertionError\n")
    environment = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.servers.plugin",
        "-m",
        "courier",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "1 skipped" in done.stdout
    assert "courier: apt-get is not installed" in done.stdout


def test_a_killed_test_run_leaves_no_server(tmp_path: Path, dovecot: PrivateServer) -> None:
    program = tmp_path / "hold.py"
    program.write_text(
        "import time\nfrom tests.servers.dovecot import Dovecot\n"
        "with Dovecot() as server:\n    print(server.port, server.folder, flush=True)\n    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        port, folder = run.stdout.readline().split()
        socket.create_connection(("127.0.0.1", int(port))).close()
        run.kill()
        run.wait()
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", int(port))).close()
        except ConnectionError:
            break
    else:
        pytest.fail("the server still runs")
    with type(dovecot)():
        assert not Path(folder).exists()
