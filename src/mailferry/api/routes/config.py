"""The settings of the service."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from mailferry.api.answers import ConfigAnswer
from mailferry.api.auth import with_token
from mailferry.api.schemas import ConfigFields
from mailferry.api.wired import Wired

router = APIRouter(prefix="/api/v1/config", tags=["config"], dependencies=[with_token])


@router.get("")
async def get_config(service: Wired) -> ConfigAnswer:
    """All settings."""
    return ConfigAnswer(**asdict(await service.config.get()))


@router.patch("")
async def change_config(service: Wired, given: ConfigFields) -> ConfigAnswer:
    """Change some settings. They hold from the next pass on."""
    return ConfigAnswer(**asdict(await service.config.change(given.changes())))
