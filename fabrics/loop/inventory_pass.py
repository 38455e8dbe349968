"""One pass over a fabric's inventory: a run of the workflow that writes it.

The loop starts a pass at the end of a sync and goes on; the pass reports back with its token.
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from fabrics.inventory.report.report import InventoryFailure, InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest

type PassResult = InventoryOutcome | InventoryFailure

_RESULT: TypeAdapter[PassResult] = TypeAdapter(
    Annotated[InventoryOutcome | InventoryFailure, Field(discriminator="result")]
)

INVENTORY_WORKFLOW_PREFIX = "fabric-inventory/"


def inventory_workflow_id(fabric_id: str) -> str:
    """Return the id of the workflow that writes a fabric's inventory: one at a time."""
    return f"{INVENTORY_WORKFLOW_PREFIX}{fabric_id}"


class InventoryInputs(BaseModel, frozen=True):
    """The inputs of an inventory: both states, configuration, rules and drift.

    `drifted` is a digest of which objects have drifted in two syncs, empty if none has.
    """

    desired_digest: str
    live_digest: str
    config_hash: str
    release: str
    drifted: str = ""


class InventoryPass(BaseModel, frozen=True):
    """A pass that runs: who asked, and what it brings into NetBox.

    `sync` is the number of the sync at whose end it started, `target` identifies the sources, the queue and the
    site that it works with, `run_id` is that of its workflow (empty until it has started).
    """

    token: str
    sync: int
    started: datetime
    inputs: InventoryInputs
    target: str
    confirmed_digest: str = ""
    run_id: str = ""
    is_cancelled: bool = False


class PassRequest(BaseModel, frozen=True):
    """The input of the workflow; `retry` says whether a failed attempt is repeated."""

    token: str
    request: InventoryRequest
    retry: bool


def check_token(value: object) -> str:
    """Return `value` as a token, or raise ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"the token must be text, not {value!r:.40}")
    return value


def parse_pass_result(value: object) -> PassResult:
    """Parse the result in a message. Raises `ValueError` with the first error alone."""
    try:
        return _RESULT.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"the result is invalid at {place or 'its top'}: {first['msg']}") from None
