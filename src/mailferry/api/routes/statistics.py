"""Totals over all batches."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from mailferry.api.answers import StatisticsAnswer
from mailferry.api.auth import with_token
from mailferry.api.wired import Wired

router = APIRouter(prefix="/api/v1/statistics", tags=["statistics"], dependencies=[with_token])


@router.get("")
async def get_statistics(service: Wired) -> StatisticsAnswer:
    """The totals over all batches."""
    return StatisticsAnswer(**asdict(await service.batches.statistics()))
