"""Endpoints, and tests of servers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from mailferry.api.answers import AvailabilityAnswer, EndpointAnswer
from mailferry.api.auth import with_token
from mailferry.api.fields import Identity
from mailferry.api.schemas import AvailabilityRequest, EndpointFields, NewEndpoint
from mailferry.api.wired import Wired
from mailferry.migration.model import EndpointRole, EndpointType
from mailferry.service.availability import test_server

router = APIRouter(prefix="/api/v1", tags=["endpoints"], dependencies=[with_token])


@router.get("/endpoints")
async def list_endpoints(
    service: Wired,
    role: EndpointRole | None = None,
    type: EndpointType | None = None,  # noqa: A002 - the name of the parameter
) -> list[EndpointAnswer]:
    """All endpoints, or those of a role or a type, by name."""
    return [EndpointAnswer.of(endpoint) for endpoint in await service.endpoints.all(role=role, type=type)]


@router.post("/endpoints", status_code=201)
async def create_endpoint(service: Wired, given: NewEndpoint) -> EndpointAnswer:
    """Make an endpoint after a test of its connection."""
    endpoint = await service.endpoints.create(
        given.name, given.type, given.role, given.settings(), skip_verification=given.skip_verification
    )
    return EndpointAnswer.of(endpoint)


@router.get("/endpoints/{identity}")
async def get_endpoint(service: Wired, identity: Identity) -> EndpointAnswer:
    """One endpoint."""
    return EndpointAnswer.of(await service.endpoints.get(identity))


@router.patch("/endpoints/{identity}")
async def change_endpoint(service: Wired, identity: Identity, given: EndpointFields) -> EndpointAnswer:
    """Change an endpoint. Limits hold at once, the rest from the next pass of each user."""
    changed = await service.endpoints.change(identity, given.settings(), skip_verification=given.skip_verification)
    return EndpointAnswer.of(changed)


@router.delete("/endpoints/{identity}", status_code=204, response_class=Response)
async def remove_endpoint(service: Wired, identity: Identity) -> None:
    """Remove an endpoint that no batch uses."""
    await service.endpoints.remove(identity)


@router.post("/endpoints/{identity}/test")
async def run_endpoint_test(service: Wired, identity: Identity) -> AvailabilityAnswer:
    """Test the connection of an endpoint, for at most 15 seconds."""
    return AvailabilityAnswer.of(await service.endpoints.test(identity))


@router.post("/availability", tags=["availability"])
async def run_availability_test(given: AvailabilityRequest) -> AvailabilityAnswer:
    """Test a server without saving anything, for at most 15 seconds."""
    return AvailabilityAnswer.of(await test_server(given.settings()))
