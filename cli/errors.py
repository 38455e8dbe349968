"""Failures as one sentence that names the fix."""

import traceback
from collections.abc import Callable
from typing import Final

from pydantic import ValidationError
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

import temporal
from activities.errors import PermanentError, TransientError, one_line
from settings import Settings


class CommandError(Exception):
    """A command cannot do what was asked; the text is for the operator."""


OPERATOR_ERRORS: Final = (
    CommandError,
    PermanentError,
    TransientError,
    temporal.TemporalUnreachable,
)
"""Errors whose text is a sentence for the operator."""


def load_settings() -> Settings:
    """Return the settings. Raises `CommandError`, which names the invalid variables."""
    try:
        return Settings()
    except ValidationError as error:
        invalid = [
            f"FABRIC_SYNC_{str(detail['loc'][0]).upper()}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False)
        ]
        raise CommandError(f"Correct the environment: {'; '.join(invalid)}.") from None


def describe_error(error: BaseException) -> str:
    """Return a sentence for the operator about `error`."""
    if isinstance(error, OPERATOR_ERRORS):
        return str(error)
    if isinstance(error, WorkflowUpdateFailedError) and isinstance(error.cause, ApplicationError):
        return to_sentence(error.cause.message)
    if isinstance(error, RPCError):
        return _describe_rpc_error(error)
    # The text of any other error may hold secrets.
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {place[0].filename}:{place[0].lineno}" if place else ""
    return f"This is a bug in Fabric Sync ({type(error).__name__}{where}); please report it."


def validate_input[T](check: Callable[[object], T], value: object) -> T:
    """Return `check(value)`. Turns its ValueError into a `CommandError`."""
    try:
        return check(value)
    except ValueError as error:
        raise CommandError(to_sentence(str(error))) from None


def to_sentence(text: str) -> str:
    """Return `text` with a capital letter and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _describe_rpc_error(error: RPCError) -> str:
    where = f"Temporal at {temporal.get_address()}"
    if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
        return f"{where} does not answer; check that it is running, and TEMPORAL_ADDRESS."
    if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED):
        return f"{where} refused the request; check TEMPORAL_API_KEY or the certificates."
    return f"{where} refused the request: {one_line(error.message)}"
