"""Errors of calls to Temporal, as a real server returns them."""

from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, NotFoundFailure
from temporalio.service import RPCError, RPCStatusCode


def workflow_not_found() -> RPCError:
    """Return the error of a server that does not know the workflow."""
    return _not_found(NotFoundFailure())


def namespace_not_found() -> RPCError:
    """Return the error of a server that does not know the namespace for a moment."""
    return _not_found(NamespaceNotFoundFailure())


def _not_found(failure: Message) -> RPCError:
    status = GrpcStatus(code=RPCStatusCode.NOT_FOUND)
    status.details.add().Pack(failure)
    return RPCError("not found", RPCStatusCode.NOT_FOUND, status.SerializeToString())
