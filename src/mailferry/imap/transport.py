"""Bytes over TCP, plain or TLS. With client.py and dial.py the only place in imap/ that does I/O.

Raw non-blocking sockets on the event loop's selector rather than asyncio's transports: these copy every write, and from
Python 3.12 on may keep references to it. What is handed over here, in both directions, is immutable.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from itertools import islice

from mailferry.imap import dial

RECEIVE_BYTES = 1 << 20
_IOV = 512  # segments per sendmsg; the system's limit is 1,024
_TLS_BLOCK = 131_072


class Transport:
    """One plain connection. `on_data` gets received bytes, `on_lost` the reason of the end, once.

    Writing never waits: `write` queues, and the queue is sent as the socket takes it. `bytes_in` and `bytes_out`
    only grow; a watchdog reads them.
    """

    def __init__(
        self, sock: socket.socket, on_data: Callable[[bytes], None], on_lost: Callable[[Exception | None], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._on_data = on_data
        self._on_lost = on_lost
        self._queue: deque[bytes | memoryview] = deque()
        self.queued_bytes = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.on_progress: Callable[[], None] | None = None
        self._reading = False
        self._writing = False
        self._flush_due = False
        self._closed = False
        self.resume_reading()

    # reading

    @property
    def reading(self) -> bool:
        """False while paused."""
        return self._reading

    def pause_reading(self) -> None:
        """Let the server wait; the kernel's buffers fill up, then it stops sending."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def resume_reading(self) -> None:
        """Go on reading."""
        if not self._reading and not self._closed:
            self._reading = True
            self._loop.add_reader(self._sock, self._readable)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(None)
            return
        self.bytes_in += len(data)
        self._received(data)

    def _received(self, data: bytes) -> None:
        self._on_data(data)

    # writing

    def write(self, segment: bytes) -> None:
        """Queue one segment; it leaves at the end of this turn of the loop, or with the next `flush`."""
        if self._closed:
            return
        self._queue.append(segment)
        self.queued_bytes += len(segment)
        if not self._flush_due and not self._writing:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand as much as possible to the operating system now."""
        self._flush_due = False
        if self._closed:
            return
        try:
            self._send()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._lose(error)
            return
        want = self._pending()
        if want != self._writing:
            self._writing = want
            if want:
                self._loop.add_writer(self._sock, self.flush)
            else:
                self._loop.remove_writer(self._sock)
        if self.on_progress is not None:
            self.on_progress()

    def _pending(self) -> bool:
        return bool(self._queue)

    def _send(self) -> None:
        queue = self._queue
        while queue:
            sent = self._sock.sendmsg(list(islice(queue, _IOV)))
            self.queued_bytes -= sent
            self.bytes_out += sent
            while sent:
                size = len(queue[0])
                if sent < size:
                    queue[0] = memoryview(queue[0])[sent:]
                    return  # the system's buffer is full
                queue.popleft()
                sent -= size

    # ending

    def _lose(self, error: Exception | None) -> None:
        if not self._closed:
            self.close()
            self._on_lost(error)

    def detach(self) -> socket.socket:
        """Give the socket away, for STARTTLS. Nothing may be queued."""
        sock = self._sock.dup()
        sock.setblocking(False)
        self.close()
        return sock

    def close(self) -> None:
        """Close at once; what is queued is not sent. `on_lost` is not called."""
        if self._closed:
            return
        self.pause_reading()
        self._closed = True
        if self._writing:
            self._loop.remove_writer(self._sock)
            self._writing = False
        self._queue.clear()
        self.queued_bytes = 0
        self._sock.close()


class TlsTransport(Transport):
    """The same over TLS, by memory BIOs: one large read feeds many of the server's small records."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        server_name: str,
        on_data: Callable[[bytes], None],
        on_lost: Callable[[Exception | None], None],
    ) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        self._ready = False
        self._encrypted = memoryview(b"")
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        super().__init__(sock, on_data, on_lost)
        self._handshake()

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
        except ssl.SSLError as error:
            self.flush()  # the alert
            self._fail_handshake(error)
        else:
            self._ready = True
            self.flush()
            if not self.secured.done():
                self.secured.set_result(None)

    def _fail_handshake(self, error: Exception) -> None:
        if not self.secured.done():
            self.secured.set_exception(error)
        self.close()

    def _lose(self, error: Exception | None) -> None:
        if not self._ready:
            self._fail_handshake(error or ConnectionResetError("closed"))
            return
        super()._lose(error)

    def _received(self, data: bytes) -> None:
        self._in.write(data)
        if not self._ready:
            self._handshake()
            if not self._ready:
                return
        pieces: list[bytes] = []
        end: Exception | None = None
        ended = False
        try:
            while piece := self._tls.read(RECEIVE_BYTES):
                pieces.append(piece)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            end, ended = error, True
        if self._out.pending:
            self.flush()
        if pieces:
            self._on_data(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended:
            self._lose(end)

    def _pending(self) -> bool:
        return bool(len(self._encrypted) or self._out.pending or (self._queue and self._ready))

    def _send(self) -> None:
        while True:
            while self._encrypted:
                sent = self._sock.send(self._encrypted)
                self.bytes_out += sent
                self._encrypted = self._encrypted[sent:]
            if not self._out.pending and self._queue and self._ready:
                block: list[bytes | memoryview] = []
                size = 0
                while self._queue and size < _TLS_BLOCK:
                    segment = self._queue.popleft()
                    block.append(segment)
                    size += len(segment)
                self._tls.write(b"".join(block))
                self.queued_bytes -= size
            if not self._out.pending:
                return
            self._encrypted = memoryview(self._out.read())


def client_context(*, accept_untrusted: bool, ca_file: str | None = None) -> ssl.SSLContext:
    """Make a TLS context: TLS 1.2 or later, certificates and names verified unless told otherwise."""
    context = ssl.create_default_context(cafile=ca_file)
    # Python 3.13 also insists on extensions that many private authorities leave out; all versions are to act alike.
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if accept_untrusted:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect_socket(host: str, port: int, timeout_seconds: float) -> socket.socket:
    """Connect, trying each address in turn. Raises OSError (TimeoutError included)."""
    async with asyncio.timeout(timeout_seconds):
        begun = dial.take(host, port)
        sock = await (_connected(host, port) if begun is None else asyncio.wrap_future(begun))
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


async def _connected(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    last: OSError | None = None
    for family, kind, protocol, _, address in infos:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
            continue
        except BaseException:
            sock.close()
            raise
        return sock
    raise last or OSError(f"no address for {host}")
