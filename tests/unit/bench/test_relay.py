"""The relay that stands for distance, and the measuring of a program."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

from bench.measure import run


def test_the_relay_passes_everything_on_and_ends() -> None:
    data = bytes(range(256)) * 8192
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            connection, _ = server.accept()
            with connection:
                while piece := connection.recv(1 << 16):
                    connection.sendall(piece)

        echoing = threading.Thread(target=echo)
        echoing.start()
        command = [sys.executable, "-m", "bench.relay", "0.002", str(server.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as relay:
            assert relay.stdout is not None
            with socket.create_connection(("127.0.0.1", int(relay.stdout.readline()))) as client:
                received = bytearray()
                reading = threading.Thread(target=_read_all, args=(client, received))
                reading.start()
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                reading.join(30)
            echoing.join(30)
            relay.communicate(timeout=30)
        assert relay.returncode == 0
    assert received == data


def _read_all(client: socket.socket, received: bytearray) -> None:
    while piece := client.recv(1 << 16):
        received += piece


def test_what_a_program_took() -> None:
    program = "data = bytearray(64 << 20); sum(range(2_000_000)); print('said'); raise SystemExit(3)"
    usage = run([sys.executable, "-c", program], {"server": lambda: 1.0})
    assert usage.exit_code == 3
    assert usage.output == "said\n"
    assert not usage.timed_out
    assert usage.peak_rss_bytes > 64 << 20
    assert usage.cpu_seconds["tool"] > 0
    assert usage.cpu_seconds["server"] == 0


def test_a_program_that_takes_too_long_is_ended() -> None:
    usage = run([sys.executable, "-c", "import time; time.sleep(60)"], {}, timeout_seconds=0.3)
    assert usage.timed_out
    assert usage.exit_code < 0
