"""Agents as the API prints them: one row an agent, without its spec.

The spec of an Agent holds password hashes and registry credentials, and no permission can hide it. The API's
Table form has only the columns that the custom resource definition names (`additionalPrinterColumns`, Hedgehog
v0.129). A release with other columns is told from one with the known columns, so that nothing is guessed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from fabrics.agents.heartbeat import Heartbeat
from fabrics.resources.api_json import LIST_LIMITS, ApiDecoder, ListMetadata, estimate_memory
from fabrics.resources.kinds import Kind

TABLE_MEDIA_TYPE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
"""The `Accept` header of a Table, and of nothing else: an API that cannot print one must not send objects."""

TABLE_PARAMETERS: Final = {"includeObject": "None"}
"""The query parameter that leaves the objects out of a Table."""

AGENT: Final = Kind("agent.githedgehog.com", "Agent", "v1beta1", "agents")
GATEWAY_AGENT: Final = Kind("gwint.githedgehog.com", "GatewayAgent", "v1alpha1", "gatewayagents")


class AgentTable(NamedTuple):
    """The Table of a kind: the columns without which health cannot be judged."""

    kind: Kind
    required: tuple[str, ...]


AGENT_TABLE: Final = AgentTable(
    AGENT, ("Name", "CurrentG", "AppliedG", "AttemptG", "Heartbeat", "RebootReq")
)
GATEWAY_AGENT_TABLE: Final = AgentTable(GATEWAY_AGENT, ("Name", "CurrentG", "AppliedG"))
"""A gateway's agent reports no attempts and no reboots. It may send heartbeats, but they are not printed."""

MAX_HEARD_SECONDS: Final = 60
"""Agents send a heartbeat every 15 seconds. One that is at most this old shows that they are alive."""

_SECONDS = re.compile(r"\d{1,3}s")
"""How the API prints an age below two minutes (`HumanDuration` of k8s.io/apimachinery)."""

_NEVER: Final = frozenset({"<unknown>", "<none>", ""})


@dataclass(frozen=True, slots=True)
class AgentReading:
    """One agent as the API printed it. `name` is also that of its Switch or Gateway.

    `generation` is the one that the controller asks for; None for the others if there was none yet. An agent that
    `is_heard` has just sent a heartbeat, if the clock of its switch is right; of others this is not known.
    """

    name: str
    generation: int
    applied_generation: int | None = None
    has_reported: bool = False
    is_heard: bool = False
    reboot_required: bool = False

    @property
    def is_behind(self) -> bool:
        """True if the agent has not applied what the controller asks for."""
        return (self.applied_generation or 0) < self.generation


@dataclass(frozen=True, slots=True)
class AgentListing:
    """All agents of one kind by name, or the `problem` that hides them.

    `unreadable` are the names of agents with values that nobody expects there. `heartbeats` are those of agents that
    were read one by one, with None for an agent that sends none.
    """

    readings: Mapping[str, AgentReading] = field(default_factory=dict)
    heartbeats: Mapping[str, Heartbeat | None] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TablePage:
    """One page of a Table, and the token of the next page ("" if last)."""

    columns: tuple[str, ...]
    rows: tuple[Sequence[object], ...]
    continue_token: str

    @property
    def size(self) -> int:
        """About how much memory it takes, in bytes."""
        return estimate_memory((self.columns, self.rows))


class _Column(msgspec.Struct):
    name: str


class _Row(msgspec.Struct):
    cells: list[str | int | float | bool | None]


class _Table(msgspec.Struct, rename="camel"):
    kind: str
    metadata: ListMetadata
    column_definitions: list[_Column]
    rows: list[_Row] | None = None


class _Kind(msgspec.Struct):
    kind: str


_KIND_DECODER = ApiDecoder(_Kind, "a Table of the Kubernetes API", LIST_LIMITS)
_TABLE_DECODER = ApiDecoder(_Table, "a Table of the Kubernetes API", LIST_LIMITS)


def parse_table_page(body: bytes) -> TablePage:
    """Parse one page.

    Raises `ValueError`, without any of its content, for anything but a Table, and `TooLargeError`.
    """
    if _KIND_DECODER.decode(body).kind != "Table":
        raise ValueError("The Kubernetes API sent objects instead of a Table.")
    table = _TABLE_DECODER.decode(body)
    columns = tuple(column.name for column in table.column_definitions)
    rows = tuple(row.cells for row in table.rows or ())
    return TablePage(columns, rows, table.metadata.continue_token)


def read_table(table: AgentTable, pages: Iterable[TablePage]) -> AgentListing:
    """Return the agents in all pages of a Table.

    Columns are found by name. If a required one is missing, nothing is known.
    """
    readings: dict[str, AgentReading] = {}
    unreadable: list[str] = []
    for page in pages:
        if missing := [name for name in table.required if name not in page.columns]:
            return AgentListing(problem=_describe_missing(table, missing))
        for row in page.rows:
            cells = _Cells(dict(zip(page.columns, row, strict=False)))
            try:
                reading = cells.read()
                readings[reading.name] = reading
            except ValueError:
                unreadable.append(str(cells.values.get("Name")))
    return AgentListing(readings, unreadable=tuple(unreadable))


def _describe_missing(table: AgentTable, missing: Sequence[str]) -> str:
    columns = "the column" if len(missing) == 1 else "the columns"
    return (
        f"The API prints {table.kind.plural} without {columns} {', '.join(missing)}: this version of Fabric Sync does"
        " not know that release of Hedgehog. Update Fabric Sync."
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a row by their columns."""

    values: Mapping[str, object]

    def read(self) -> AgentReading:
        """Return the reading. Raises `ValueError` for a cell of another type."""
        name, generation = self.get_text("Name"), self.get_number("CurrentG")
        if not name or generation is None:
            raise ValueError("This row has no name or no generation.")
        applied, attempted = self.get_number("AppliedG"), self.get_number("AttemptG")
        heartbeat = self.get_text("Heartbeat")
        return AgentReading(
            name=name,
            generation=generation,
            applied_generation=applied,
            has_reported=not (applied is attempted is None and heartbeat in _NEVER),
            is_heard=_is_recent(heartbeat),
            reboot_required=self.get_flag("RebootReq"),
        )

    def get_text(self, column: str) -> str:
        value = self.values.get(column)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.isprintable():
            raise ValueError(f"The column {column} holds no text.")
        return value

    def get_number(self, column: str) -> int | None:
        value = self.values.get(column)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError(f"The column {column} holds no whole number.")
        return value

    def get_flag(self, column: str) -> bool:
        """Return a boolean, which a column of type `string` prints as text."""
        value = self.values.get(column)
        known = {None: False, "": False, "false": False, "true": True, False: False, True: True}
        if value not in known:
            raise ValueError(f"The column {column} holds neither true nor false.")
        return known[value]


def _is_recent(age: str) -> bool:
    return bool(_SECONDS.fullmatch(age)) and int(age[:-1]) <= MAX_HEARD_SECONDS
