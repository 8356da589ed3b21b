"""A TCP proxy on 127.0.0.1 between an IMAP client and a server, which breaks things where it is told to.

    async with Proxy(server.port) as proxy:
        proxy.on("to_server", InLiteral(3, b"APPEND"), Cut())
        ...  # connect to proxy.port

From blocking code: `with Proxy(server.port).in_thread() as proxy:`. Places in the stream are found in
plain text only, not through TLS or COMPRESS; cuts, stalls and delays work through anything.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from tests.faults.actions import Action, Answer, Cut, Direction, Ending, Fault, Inject, Late, Stall
from tests.faults.link import Link
from tests.faults.wire import AtByte, AtPattern, InLiteral, Place

__all__ = ["Answer", "AtByte", "AtPattern", "Cut", "Fault", "InLiteral", "Inject", "Late", "Proxy", "Stall"]

HOST = "127.0.0.1"


class Proxy:
    """Listens on `port` once entered, and passes every connection on to `server_port`.

    `delay_seconds` is the latency of each way; throughput is not limited. `connections`, `to_server_bytes`
    and `to_client_bytes` count what has passed.
    """

    def __init__(self, server_port: int, *, delay_seconds: float = 0.0, server_host: str = HOST) -> None:
        self.server_address = (server_host, server_port)
        self.delay_seconds = delay_seconds
        self.port = 0
        self.connections = 0
        self.to_server_bytes = 0
        self.to_client_bytes = 0
        self.refusing = False
        """Close every new connection at once."""
        self.faults: list[Fault] = []
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def on(
        self,
        direction: Direction,
        place: Place,
        action: Action,
        *,
        connection: int | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Let `action` happen at `place`, on the connection of this number (1 is the first; None: any), so often.

        Connections that are open already are not touched. A place strikes once per connection at most.
        """
        fault = Fault(direction, place, action, connection, times)
        self.faults.append(fault)
        return fault

    def answer(
        self, command: bytes, text: bytes, *, connection: int | None = None, times: int | None = 1, close: bool = False
    ) -> Fault:
        """Answer commands whose text matches the expression, such as rb"^\\S+ APPEND", with `text`."""
        re.compile(command)
        action = Answer(text, close)
        return self.on("to_server", AtPattern(command, before=True), action, connection=connection, times=times)

    def cut_all(self, client: Ending = "rst", server: Ending = "rst") -> None:
        """End every open connection now, as when both machines lose their power."""
        self._for_links(lambda link: link.cut(client, server))

    def stall_all(self) -> None:
        """Pass nothing more on any open connection, until resume_all()."""
        self._for_links(Link.stall)

    def resume_all(self) -> None:
        """Undo stall_all()."""
        self._for_links(Link.resume)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(self._accept, HOST, 0, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for link in list(self.links):
            link.cut("rst", "fin")
        patience = time.monotonic() + 1.0
        while self.links:
            await asyncio.sleep(0.001)
            if time.monotonic() > patience:  # a side that does not read keeps an orderly end waiting
                for link in list(self.links):
                    link.abort()
        self._loop = None

    @contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Run the proxy in a thread of its own, for blocking code."""
        ready, end = threading.Event(), asyncio.Event()

        async def serve() -> None:
            async with self:
                ready.set()
                await end.wait()

        thread = threading.Thread(target=asyncio.run, args=(serve(),), name="fault proxy")
        thread.start()
        ready.wait(10)
        loop = self._loop
        assert loop is not None
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join()

    def _accept(self) -> asyncio.Protocol:
        self.connections += 1
        link = Link(self, self.connections)
        return link.client

    def _for_links(self, act: Callable[[Link], None]) -> None:
        """Do it to every open connection, in the proxy's loop; return when it is done."""
        loop = self._loop
        assert loop is not None, "the proxy does not run"
        done = threading.Event()

        def act_on_all() -> None:
            for link in list(self.links):
                act(link)
            done.set()

        try:
            inside = asyncio.get_running_loop() is loop
        except RuntimeError:
            inside = False
        if inside:
            act_on_all()
        else:
            loop.call_soon_threadsafe(act_on_all)
            done.wait(10)
