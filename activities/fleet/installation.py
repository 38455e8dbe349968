"""The name of this installation, from the namespace of Temporal in which it runs."""

from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import TransientError, one_line
from fabrics.record.installation import format_instance

RPC_TIMEOUT: Final = timedelta(seconds=10)

DENIED: Final = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


async def get_instance(client: Client) -> str:
    """Return the name of this installation. Raises `TransientError`.

    While the namespace cannot be described there is no name. Any other one would make all records those of another
    installation.
    """
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        response = await client.workflow_service.describe_namespace(request, timeout=RPC_TIMEOUT)
    except RPCError as error:
        raise TransientError(_explain(client, error)) from None
    namespace_id = response.namespace_info.id
    if not namespace_id:
        raise TransientError(
            f"{_name_server(client)} does not tell the id of the namespace {client.namespace}, which names the owner"
            " of records; check what is between it and Fabric Sync."
        )
    return format_instance(client.namespace, namespace_id)


def _explain(client: Client, error: RPCError) -> str:
    server, namespace = _name_server(client), client.namespace
    if error.status is RPCStatusCode.NOT_FOUND:
        return f'{server} has no namespace "{namespace}"; create it, or set TEMPORAL_NAMESPACE.'
    if error.status in DENIED:
        return (
            f"{server} does not let Fabric Sync describe the namespace {namespace}; check TEMPORAL_API_KEY or the"
            " certificates."
        )
    return (
        f"{server} does not describe the namespace {namespace} ({one_line(error.message)}); check that it is running,"
        " and TEMPORAL_ADDRESS."
    )


def _name_server(client: Client) -> str:
    return f"Temporal at {client.service_client.config.target_host}"
