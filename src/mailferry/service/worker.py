"""A worker process of the service: `python -m mailferry.service.worker`. It talks on stdin and stdout."""

from __future__ import annotations

from mailferry.errors import MailferryError
from mailferry.jobs.worker import run_worker
from mailferry.service.logs import set_up_logs
from mailferry.service.wiring import open_runner


def main() -> None:
    """Be a worker until told to quit. If it cannot work, the last line of its stderr says why."""
    set_up_logs(json=True)
    try:
        run_worker(open_runner)
    except MailferryError as error:
        raise SystemExit(f"{error} {error.advice}".strip()) from None


if __name__ == "__main__":
    main()
