"""Where Temporal is and how to talk to it: one connection for the worker, the command line and the tests.

Address, namespace, keys and certificates come from Temporal's own configuration through
`temporalio.envconfig`: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, ... or a profile
in `temporal.toml`, exactly as for the `temporal` command.
"""

import os
import socket
from typing import Final
from uuid import uuid4

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from activities.search_attributes import SEARCH_ATTRIBUTES

DEFAULT_ADDRESS: Final = "localhost:7233"


class TemporalUnreachable(Exception):
    """No Temporal server answers; the text says where it was sought and what to do."""


def get_address() -> str:
    """Where Temporal is expected, `host:port`."""
    return ClientConfig.load_client_connect_config().get("target_host") or DEFAULT_ADDRESS


async def connect() -> Client:
    """A client for the configured namespace. Raises `TemporalUnreachable`."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", DEFAULT_ADDRESS)
    try:
        return await Client.connect(
            **config, data_converter=pydantic_data_converter, identity=_identity()
        )
    except RuntimeError as error:
        raise TemporalUnreachable(
            f"No Temporal server answers at {config['target_host']}; start it, or set TEMPORAL_ADDRESS."
        ) from error


def _identity() -> str:
    """Who we are to Temporal: a restarted container is another worker, with the same process id and host."""
    return f"{os.getpid()}@{socket.gethostname()}-{uuid4().hex[:8]}"


async def get_instance(client: Client) -> str:
    """What tells this installation from another that shares its NetBox: namespace and cluster."""
    info = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    return f"{client.namespace}@{info.cluster_id}"


async def missing_search_attributes(client: Client) -> list[str]:
    """Our search attributes that the server does not know; all of them where it will not tell."""
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError:
        return list(SEARCH_ATTRIBUTES)
    return [
        name
        for name, kind in SEARCH_ATTRIBUTES.items()
        if answer.custom_attributes.get(name) != kind
    ]


def format_search_attribute_type(search_attribute: str) -> str:
    """The type of one of ours, in the words of the Web UI and the `temporal` command."""
    name = IndexedValueType.Name(SEARCH_ATTRIBUTES[search_attribute])
    return name.removeprefix("INDEXED_VALUE_TYPE_").capitalize()


async def add_search_attributes(client: Client) -> list[str]:
    """Register what is missing; the names of those. Raises `RPCError` where that is not allowed."""
    missing = await missing_search_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: SEARCH_ATTRIBUTES[name] for name in missing},
            )
        )
    return missing
