"""A worker process of the service: `python -m mailferry.service.worker`. It talks on stdin and stdout."""

from __future__ import annotations

from mailferry.jobs.worker import run_worker
from mailferry.service.logs import set_up_logs
from mailferry.service.wiring import open_runner


def main() -> None:
    """Be a worker until told to quit."""
    set_up_logs(json=True)
    run_worker(open_runner)


if __name__ == "__main__":
    main()
