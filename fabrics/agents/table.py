"""Agents as the API prints them: one row an agent, without its spec.

The spec of an Agent holds password hashes and registry credentials, and no permission can hide it. The API's
Table form has only the columns that the custom resource definition names (`additionalPrinterColumns`, Hedgehog
v0.129). A release with other columns is told from one with the known columns, so that nothing is guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from fabrics.agents.ages import Age, parse_age
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
    AGENT, ("Name", "CurrentG", "AppliedG", "AttemptG", "Attempt", "Heartbeat", "RebootReq")
)
GATEWAY_AGENT_TABLE: Final = AgentTable(GATEWAY_AGENT, ("Name", "CurrentG", "AppliedG"))
"""A gateway's agent reports no attempts and no reboots, and prints no heartbeat."""


@dataclass(frozen=True, slots=True)
class AgentReading:
    """One agent as the API printed it. `name` is also that of its Switch or Gateway.

    `generation` is the one that the controller asks for; None for the others if there was none yet. Ages are by
    the API's clock, but of times by the clock of the switch.
    """

    name: str
    generation: int
    applied_generation: int | None = None
    attempted_generation: int | None = None
    heartbeat_age: Age | None = None
    attempt_age: Age | None = None
    reboot_required: bool = False

    @property
    def is_behind(self) -> bool:
        """True if the agent has not applied what the controller asks for."""
        return (self.applied_generation or 0) < self.generation

    @property
    def has_reported(self) -> bool:
        """True if the agent has ever written its status."""
        reported = (self.applied_generation, self.attempted_generation, self.heartbeat_age)
        return any(value is not None for value in reported)


@dataclass(frozen=True, slots=True)
class AgentListing:
    """All agents of one kind by name, or the `problem` that hides them.

    `unreadable` are the names of agents with values that nobody expects there.
    """

    readings: Mapping[str, AgentReading] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TablePage:
    """One page of a Table, and the token of the next page ("" if last)."""

    columns: tuple[str, ...]
    rows: tuple[Sequence[object], ...]
    continue_token: str


class _Column(msgspec.Struct):
    name: str


class _Row(msgspec.Struct):
    cells: list[str | int | float | bool | None]


class _ListMetadata(msgspec.Struct, rename={"token": "continue"}):
    token: str | None = None


class _Table(msgspec.Struct, rename="camel"):
    kind: str
    metadata: _ListMetadata
    column_definitions: list[_Column]
    rows: list[_Row] | None = None


class _Kind(msgspec.Struct):
    kind: str


_KIND_DECODER = msgspec.json.Decoder(_Kind)
_TABLE_DECODER = msgspec.json.Decoder(_Table)
_DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def parse_table_page(body: bytes) -> TablePage:
    """Parse one page.

    Raises `ValueError`, without any of its content, for anything but a Table.
    """
    try:
        kind = _KIND_DECODER.decode(body).kind
        if kind != "Table":
            raise ValueError("The Kubernetes API sent objects instead of a Table.")
        table = _TABLE_DECODER.decode(body)
    except _DECODE_ERRORS as error:
        raise ValueError("This is not a Table of the Kubernetes API.") from error
    columns = tuple(column.name for column in table.column_definitions)
    rows = tuple(row.cells for row in table.rows or ())
    return TablePage(columns, rows, table.metadata.token or "")


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
    return AgentListing(readings, tuple(unreadable))


def _describe_missing(table: AgentTable, missing: Sequence[str]) -> str:
    columns = "the column" if len(missing) == 1 else "the columns"
    return (
        f"The API prints {table.kind.plural} without {columns} {', '.join(missing)}: Fabric Sync does not know"
        " this release of Hedgehog."
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
        return AgentReading(
            name=name,
            generation=generation,
            applied_generation=self.get_number("AppliedG"),
            attempted_generation=self.get_number("AttemptG"),
            heartbeat_age=self.get_age("Heartbeat"),
            attempt_age=self.get_age("Attempt"),
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

    def get_age(self, column: str) -> Age | None:
        value = self.values.get(column)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"The column {column} holds no age.")
        return parse_age(value)
