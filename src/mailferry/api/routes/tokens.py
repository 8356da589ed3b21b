"""Tokens of the API."""

from __future__ import annotations

from fastapi import APIRouter, Response

from mailferry.api.answers import NewTokenAnswer, TokenAnswer
from mailferry.api.auth import with_token
from mailferry.api.fields import Identity
from mailferry.api.schemas import NewToken
from mailferry.api.wired import Wired

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"], dependencies=[with_token])


@router.get("")
async def list_tokens(service: Wired) -> list[TokenAnswer]:
    """Names and roles of all tokens."""
    return [TokenAnswer.of(token) for token in await service.tokens.all()]


@router.post("", status_code=201)
async def create_token(service: Wired, given: NewToken, response: Response) -> NewTokenAnswer:
    """Make a token. This answer shows it, and nothing else ever does."""
    made, secret = await service.tokens.create(given.name, given.role)
    response.headers["Cache-Control"] = "no-store"
    return NewTokenAnswer(**TokenAnswer.of(made).model_dump(), token=secret.reveal())


@router.delete("/{identity}", status_code=204, response_class=Response)
async def remove_token(service: Wired, identity: Identity) -> None:
    """Make a token worthless at once."""
    await service.tokens.remove(identity)
