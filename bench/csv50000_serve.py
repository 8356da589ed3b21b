"""`mailferry serve` with workers whose passes do nothing."""

from __future__ import annotations

import sys

from mailferry.cli.main import main
from mailferry.service import wiring

if __name__ == "__main__":
    wiring.WORKER_COMMAND = (sys.executable, "-m", "bench.csv50000_worker")
    sys.exit(main(sys.argv[1:]))
