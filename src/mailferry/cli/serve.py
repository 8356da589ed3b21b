"""`mailferry serve`: the service with its API, until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry import __version__
from mailferry.cli import exitcodes
from mailferry.errors import BadUsage, MailferryError

if TYPE_CHECKING:
    from mailferry.service.wiring import Service

DATABASE_VARIABLE = "MAILFERRY_DATABASE"
_GRACE_SECONDS = 2  # for requests that are being answered; event streams never end by themselves


class CannotListen(MailferryError):
    """The service cannot listen on this address."""

    code = "cannot-listen"
    advice = "Stop what uses the port, or choose another one with --port."


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says, checked."""

    data: Path
    host: str
    port: int
    workers: int | None
    certificate: str
    key: str
    json_logs: bool
    open_metrics: bool
    database: str | None

    @property
    def url(self) -> str:
        """Where clients find the service."""
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Raises BadUsage, CannotListen and what opening the data folder raises."""
    settings = read_settings(arguments)
    from mailferry.service.logs import set_up_logs

    set_up_logs(json=settings.json_logs)
    return asyncio.run(_serve(settings))


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Check what was given. Raises BadUsage."""
    certificate, key = arguments.tls_certificate, arguments.tls_key
    if bool(certificate) != bool(key):
        raise BadUsage("--tls-certificate and --tls-key belong together.")
    for path, option in ((certificate, "--tls-certificate"), (key, "--tls-key")):
        if path and not os.access(path, os.R_OK):
            raise BadUsage(f"{option} {path} cannot be read.")
    if not is_loopback(arguments.host) and not certificate and not arguments.allow_plain_http:
        raise BadUsage(
            f"{arguments.host} can be reached from other machines, and without TLS tokens and passwords would cross "
            "the network unprotected. Give --tls-certificate and --tls-key, or --allow-plain-http behind a proxy that "
            "adds TLS."
        )
    if not 0 <= arguments.port <= 65_535:
        raise BadUsage("--port is a number from 0 (any free one) to 65535.")
    if arguments.workers is not None and not 1 <= arguments.workers <= 64:
        raise BadUsage("--workers is a number from 1 to 64.")
    return Settings(
        data=Path(arguments.data),
        host=arguments.host,
        port=arguments.port,
        workers=arguments.workers,
        certificate=certificate,
        key=key,
        json_logs=arguments.log_format == "json",
        open_metrics=arguments.open_metrics,
        database=os.environ.get(DATABASE_VARIABLE) or None,
    )


def is_loopback(host: str) -> bool:
    """Say whether an address is of this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(settings: Settings) -> int:
    from dataclasses import replace

    from mailferry.service.firsttoken import first_token

    listener = _listen(settings)
    settings = replace(settings, port=listener.getsockname()[1])
    try:
        service = await open_service(settings.data, settings.database)
    except BaseException:
        listener.close()
        raise
    try:
        token = await first_token(service.tokens, service.folder.token_file)
        await service.start(settings.workers)
        _welcome(settings, service, token_is_new=token)
        with _address(service.folder.address_file, settings.url):
            await _answer(settings, service, listener)
    finally:
        listener.close()
        await service.close()
    print("mailferry: stopped; passes that ran go on at the next start", file=sys.stderr)
    return exitcodes.COMPLETE


async def open_service(data: Path, database: str | None) -> Service:
    """Open a data folder. Raises BadUsage if it cannot be made or used, and what `Service.open` raises."""
    from mailferry.service.wiring import Service

    try:
        return await Service.open(data, database_url=database)
    except OSError as error:
        raise BadUsage(no_data_folder(data, error)) from error


def no_data_folder(data: Path, error: OSError) -> str:
    """Say that a data folder cannot be used, why, and what to do."""
    reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror or str(error)
    return (
        f"The data folder {data} cannot be made or used: {reason}. Name another folder with --data, or have this one "
        "made for the user who runs Mailferry."
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise CannotListen(f"{settings.host}:{settings.port}: {error.strerror}.") from None
    return listener


async def _answer(settings: Settings, service: Service, listener: socket.socket) -> None:
    """Answer requests until a signal comes; a second signal ends the waiting for those that are open."""
    import uvicorn

    from mailferry.api.app import create_app

    app = create_app(service, loopback=is_loopback(settings.host), open_metrics=settings.open_metrics)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=settings.certificate or None,
        ssl_keyfile=settings.key or None,
    )

    class Server(uvicorn.Server):
        """Leaves the signals to us: uvicorn would raise them again, and we would end before the passes are closed."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    server = Server(config)

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        app.state.streams.end()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await server.serve(sockets=[listener])


@contextlib.contextmanager
def _address(path: Path, url: str) -> Iterator[None]:
    """Write down where the service is while it runs, for clients of this data folder."""
    path.write_text(f"{url}\n")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _welcome(settings: Settings, service: Service, *, token_is_new: bool) -> None:
    new = " (made now)" if token_is_new else ""
    print(
        f"Mailferry {__version__} serves {settings.url}\n"
        f"  data    {service.folder.path}\n"
        f"  token   {service.folder.token_file}{new}\n"
        f"  API     {settings.url}/openapi.json\n"
        "Ctrl-C stops it; what runs goes on at the next start.",
        flush=True,
    )
