"""Mailboxes of a target through the API: those that a filter asks for, page by page."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


async def addresses(operator: httpx.AsyncClient, **query: Any) -> list[str]:
    """Give the addresses on all pages."""
    found: list[str] = []
    after = ""
    while True:
        answer = await operator.get("/api/v1/mailboxes", params={**query, "after": after})
        assert answer.status_code == 200, answer.text
        found += [mailbox["email_address"] for mailbox in answer.json()["items"]]
        if not (after := answer.json()["next"]):
            return found


async def test_a_filter_chooses_mailboxes(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    every = await addresses(operator)
    assert len(every) > 1
    first = f"PrimarySmtpAddress -eq '{every[0].upper()}'"
    assert await addresses(operator, filter=first) == every[:1]
    assert await addresses(operator, filter=f"-not ({first})", limit=1) == every[1:]
    assert await addresses(operator, filter=f"MigrationBatch -eq '{batch['name']}'") == every
    assert await addresses(operator, filter="MigrationBatch -eq $null") == []
    assert await addresses(operator, filter="RecipientTypeDetails -eq 'UserMailbox'", search=every[0]) == every[:1]


@pytest.mark.parametrize("text", ["Alias -eq 'a'", "Name", ""])
async def test_a_filter_that_is_wrong(operator: httpx.AsyncClient, text: str) -> None:
    answer = await operator.get("/api/v1/mailboxes", params={"filter": text})
    assert answer.status_code == 422
    assert "filter" in answer.text
