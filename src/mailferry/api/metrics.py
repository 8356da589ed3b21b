"""Figures for Prometheus: requests as they are counted here, and the state of all migrations as the store has it."""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.store import batches, claims, endpoints
from mailferry.store.database import Database

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
EVENTS_ROUTE = "/api/v1/events"
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_ALL_BATCHES = 1_000_000


class Metrics:
    """The figures of one app. Each has a registry of its own, so two apps in a process do not mix."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "mailferry_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "mailferry_http_request_seconds", "Time to answer.", ("method", "route"), registry=self._registry
        )
        self._users = self._gauge("mailferry_users", "Migration users by status.", "status")
        self._batches = self._gauge("mailferry_batches", "Batches by status.", "status")
        self._passes = self._gauge("mailferry_passes", "Passes that run now.", "endpoint", "kind")
        self._messages = self._gauge("mailferry_messages_synced", "Messages of all users that are on the target.")
        self._skipped = self._gauge("mailferry_messages_skipped", "Messages of all users that were skipped.")
        self._bytes = self._gauge("mailferry_bytes_synced", "Bytes of all users that are on the target.")

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `status` 0: the client went away before there was an answer."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        if route != EVENTS_ROUTE:  # it lasts as long as somebody watches
            self._seconds.labels(method, route).observe(seconds)

    async def page(self, database: Database) -> bytes:
        """Give all figures in the text format."""
        async with database.connect() as connection:
            found = await batches.page(connection, limit=_ALL_BATCHES)
            ids = [batch.id for batch in found]
            counts = await batches.counts(connection, ids)
            sums = (await batches.sums(connection, ids)).values()
            names = {endpoint.id: endpoint.name for endpoint in await endpoints.all(connection)}
            running = Tally((claim.endpoint_id, claim.kind) for claim in await claims.running(connection))
        # Nothing waits from here on, so two pages at the same time cannot mix.
        by_status = Tally(batch.status for batch in found)
        for batch_status in BatchStatus:
            self._batches.labels(batch_status.value).set(by_status[batch_status])
        for status in UserStatus:
            self._users.labels(status.value).set(sum(count[status] for count in counts.values()))
        self._passes.clear()
        for (endpoint_id, kind), number in running.items():
            self._passes.labels(names.get(endpoint_id, ""), kind.value).set(number)
        self._messages.set(sum(one.synced for one in sums))
        self._skipped.set(sum(one.skipped for one in sums))
        self._bytes.set(sum(one.bytes_synced for one in sums))
        return generate_latest(self._registry)
