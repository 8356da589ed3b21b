"""One proxied connection: two sockets and the two flows between them."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from tests.faults.actions import Answer, Ending, Late
from tests.faults.flow import Edit, Flow
from tests.faults.wire import Line

if TYPE_CHECKING:
    from tests.faults.proxy import Proxy

_RESET = struct.pack("ii", 1, 0)


class End(asyncio.Protocol):
    """One socket; gives what it reads to a flow."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.flow: Flow | None = None
        self.transport: asyncio.Transport | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=1 << 22)
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link.made(self)

    def data_received(self, data: bytes) -> None:
        self._link.count(self, len(data))
        if self.flow is not None:
            self.flow.received(data)

    def eof_received(self) -> bool:
        if self.flow is not None:
            self.flow.received(None)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._link.lost(self)

    def pause_writing(self) -> None:
        self._link.other(self).pause()

    def resume_writing(self) -> None:
        self._link.other(self).resume()

    def pause(self) -> None:
        """Stop reading."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def finish(self, ending: Ending) -> None:
        """End this socket once all that was written is on its way. None leaves it open."""
        if self.transport is None or self.lost or ending is None:
            return
        if ending == "fin":
            self.transport.close()
        elif self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(0.001, self.finish, ending)
        else:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class Link:
    """Made by the proxy for each connection it accepts; `number` counts them from 1."""

    def __init__(self, proxy: Proxy, number: int) -> None:
        self._proxy = proxy
        self.number = number
        self.client = End(self)
        self.server = End(self)
        mine = [fault for fault in proxy.faults if fault.strikes(number)]
        forth = [fault for fault in mine if fault.direction == "to_server"]
        self.to_server = Flow(self, proxy.delay_seconds, forth)
        self.to_client = Flow(self, proxy.delay_seconds, [fault for fault in mine if fault.direction == "to_client"])
        self.client.flow, self.server.flow = self.to_server, self.to_client
        self.substitutes: dict[bytes, Answer] = {}
        self._waiting_tag = b""
        self._connecting: asyncio.Task[None] | None = None
        self._delivering = False
        if any(isinstance(fault.action, Answer) for fault in forth):
            self.to_client.watching = self.to_client.whole_lines = self.to_server.whole_lines = True
            self.to_client.on_line, self.to_server.on_line = self._reply_line, self._command_line
        elif self.to_server.watching:
            self.to_client.watching = True
            self.to_client.on_line, self.to_server.on_line = self._reply_line, self._command_line

    def other(self, end: End) -> End:
        """The opposite side."""
        return self.server if end is self.client else self.client

    def made(self, end: End) -> None:
        """A side is connected."""
        assert end.transport is not None
        assert end.flow is not None
        end.flow.source = end.transport
        if end is self.client:
            self._proxy.links.add(self)
            self.to_client.out = end.transport
            if self._proxy.refusing:
                end.finish("rst")
            else:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
        else:
            self.to_server.out = end.transport
            self.to_server.pump()

    def count(self, end: End, size: int) -> None:
        """Bytes were read from a side."""
        if end is self.client:
            self._proxy.to_server_bytes += size
        else:
            self._proxy.to_client_bytes += size

    def ended(self, flow: Flow) -> None:
        """One side sends nothing more, and all it sent has been passed on."""
        if flow.late is not None:
            self._deliver_late()
            self.client.finish("rst")
            return
        source = self.client if flow is self.to_server else self.server
        if flow.closed:
            source.finish("fin")
        elif source.lost:
            self.other(source).finish("rst" if flow.reset else "fin")
        elif self.to_server.ended and self.to_client.ended:
            self.client.finish("fin")
            self.server.finish("fin")
        elif flow.out is not None and not flow.out.is_closing():
            flow.out.write_eof()

    def lost(self, end: End) -> None:
        """A side is gone: closed by us, by it, or by a reset."""
        if end is self.client and self.to_server.late is not None:
            self._deliver_late()
        elif end.flow is not None and not end.flow.closed:
            if end.flow.ended:
                self.other(end).finish("fin")
            elif not end.flow.ending:
                end.flow.reset = True
                end.flow.received(None)
        if self.client.lost and self._connecting is not None and self.server.transport is None:
            self._connecting.cancel()
        if self.client.lost and (self.server.lost or self.server.transport is None):
            self._proxy.links.discard(self)

    def cut(self, client: Ending, server: Ending) -> None:
        """End the connection now; what was passed on before still arrives."""
        self.to_server.closed = self.to_client.closed = True
        self.client.finish(client)
        if self.server.transport is None and client is not None and self._connecting is not None:
            self._connecting.cancel()
        self.server.finish(server)

    def abort(self) -> None:
        """End both sides without sending what is left."""
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.abort()

    def stall(self) -> None:
        """Pass nothing on."""
        self.to_server.stall()
        self.to_client.stall()

    def resume(self) -> None:
        """Go on."""
        self.to_server.resume()
        self.to_client.resume()

    async def _connect(self) -> None:
        # The greeting of a far server comes two round trips after the client's first packet.
        await asyncio.sleep(3 * self._proxy.delay_seconds)
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, *self._proxy.server_address)
        except OSError:
            self.client.finish("rst")

    def _deliver_late(self) -> None:
        fault = self.to_server.late
        if fault is None or self._delivering:
            return
        self._delivering = True
        assert isinstance(fault.action, Late)
        asyncio.get_running_loop().call_later(fault.action.seconds, self._deliver_held)

    def _deliver_held(self) -> None:
        fault, transport = self.to_server.late, self.server.transport
        assert fault is not None
        if transport is not None and not transport.is_closing():
            transport.write(bytes(self.to_server.held))
        self.to_server.closed = True
        self.server.finish("fin")
        fault.done.set()

    def _command_line(self, line: Line) -> Edit | None:
        if line.waits:
            self._waiting_tag = line.command.split(None, 1)[0]
        return None

    def _reply_line(self, line: Line) -> Edit | None:
        """Notice a refused literal, and put answers in the place of the NOOPs' replies."""
        tag = line.text.split(None, 1)[0] if line.first and line.text.strip() else b""
        if tag == b"+":
            self._waiting_tag = b""
        elif tag and tag == self._waiting_tag:
            self._waiting_tag = b""
            self.to_server.scanner.cancel_literal()
        answer = self.substitutes.pop(tag, None)
        if answer is None:
            return None
        if answer.close:
            asyncio.get_running_loop().call_soon(self.cut, "fin", "fin")
        return line.start, line.end, answer.text.replace(b"{tag}", tag)
