"""Every way in which a command can fail, as one sentence that names the fix."""

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

EXIT_OK: Final = 0
EXIT_UNHEALTHY: Final = 1
EXIT_FAILURE: Final = 2
EXIT_INTERRUPTED: Final = 130


class CommandError(Exception):
    """A command that cannot do what was asked; the text is for the operator."""


OPERATOR_ERRORS: Final = (
    CommandError,
    PermanentError,
    TransientError,
    temporal.TemporalUnreachable,
)
"""Errors whose text is the sentence."""

UNREACHABLE_CODES: Final = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED})
DENIED_CODES: Final = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


def load_settings() -> Settings:
    """The settings, or a `CommandError` that names the variables that make no sense."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"FABRIC_SYNC_{str(found['loc'][0]).upper()}: {found['msg']}"
            for found in error.errors(include_input=False, include_url=False)
        ]
        raise CommandError(f"Correct the environment: {'; '.join(wrong)}.") from None


def describe_error(error: BaseException) -> str:
    """What to tell the operator about `error`. Foreign errors may hold anything, so only their type."""
    if isinstance(error, OPERATOR_ERRORS):
        return str(error)
    if isinstance(error, WorkflowUpdateFailedError) and isinstance(error.cause, ApplicationError):
        return to_sentence(error.cause.message)
    if isinstance(error, RPCError):
        return _describe_rpc_error(error)
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {place[0].filename}:{place[0].lineno}" if place else ""
    return f"This is a defect in Fabric Sync ({type(error).__name__}{where}); please report it."


def validate_input[T](check: Callable[[object], T], value: object) -> T:
    """`value` as `check` returns it; where it raises ValueError, a `CommandError` in its words."""
    try:
        return check(value)
    except ValueError as error:
        raise CommandError(to_sentence(str(error))) from None


def to_sentence(text: str) -> str:
    """`text` as a sentence of its own."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _describe_rpc_error(error: RPCError) -> str:
    where = f"Temporal at {temporal.get_address()}"
    if error.status in UNREACHABLE_CODES:
        return f"{where} does not answer; check that it runs, and TEMPORAL_ADDRESS."
    if error.status in DENIED_CODES:
        return f"{where} refuses the request; check TEMPORAL_API_KEY or the certificates."
    return f"{where} refuses the request: {one_line(error.message)}"
