"""The configuration of one fabric, as people set it in the NetBox record.

`FabricConfig` has the defaults that the help texts name; `fabrics.record.config_fields` parses it.
`ConfigEdits` are changes that reached the loop first (a signal, the command line): they override the
record until they are written to it.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from fabrics.times import parse_time

DEFAULT_INTERVAL_SECONDS: Final = 300
MIN_INTERVAL_SECONDS: Final = 5
MAX_INTERVAL_SECONDS: Final = 2_592_000
"""30 days, in seconds."""

PAUSE_END_LIMIT: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""A pause ends before this, or by hand: until then the loop waits on one timer of Temporal."""

FABRIC_ID_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,38}$"


class KubernetesTarget(BaseModel, frozen=True):
    """The fabric's API; `credential` is a name, never the secret itself."""

    server: str
    namespace: str
    credential: str


class GitSource(BaseModel, frozen=True):
    """The location of the desired state; the directory `/` is the whole repository."""

    repository: str
    branch: str
    directory: str
    credential: str

    @property
    def place(self) -> str:
        """Where that is, in words."""
        return f"the directory {self.directory} of {self.repository}, branch {self.branch}"


class FabricConfig(BaseModel, frozen=True):
    """One fabric's configuration; `interval` is in seconds, 0 disables the sync."""

    fabric_id: str
    name: str
    record_id: int
    active: bool = True
    enabled: bool = False
    interval: int = DEFAULT_INTERVAL_SECONDS
    paused: bool = False
    pause_reason: str = ""
    paused_until: datetime | None = None
    """When a pause ends by itself; None if somebody has to end it."""
    kubernetes: KubernetesTarget | None = None
    git: GitSource | None = None
    fabric_name: str = ""
    """Which of several fabrics of one API; empty means all that the API holds."""
    managed_kinds: tuple[str, ...] = ()
    task_queue: str = ""
    scope: str = ""
    """The site or scope of the record, only to notice a change; the inventory update looks it up itself."""
    problems: tuple[str, ...] = ()
    """Sentences on unusable values of the record; any of them makes the fabric's status `error`."""

    @property
    def is_switched_on(self) -> bool:
        """True if people want this fabric synced at all."""
        return self.active and self.enabled and self.interval > 0

    @property
    def needs_loop(self) -> bool:
        """True if a loop should run for this fabric."""
        return self.is_switched_on and self.kubernetes is not None

    @property
    def sources(self) -> tuple[object, ...]:
        """All that determines what a sync reads, and where it reads it."""
        return self.kubernetes, self.git, self.fabric_name, self.managed_kinds, self.task_queue

    @property
    def has_invalid_id(self) -> bool:
        """True if the fabric id is unusable, so that no loop can sync the fabric."""
        return not self.fabric_id and bool(self.problems)

    @property
    def hash(self) -> str:
        """Twelve hex digits that change exactly when the configuration does."""
        # Without such an end, the hash is that of releases that knew none.
        unused = None if self.paused_until else {"paused_until"}
        return sha256(self.model_dump_json(exclude=unused).encode()).hexdigest()[:12]


class ConfigEdits(BaseModel, frozen=True):
    """Configuration changes that are not in the record yet; None keeps a value.

    A `paused_until` of empty text means that the pause has no end.
    """

    interval: Annotated[int, Field(ge=0, le=MAX_INTERVAL_SECONDS)] | None = None
    paused: bool | None = None
    pause_reason: str | None = None
    paused_until: datetime | Literal[""] | None = None

    @classmethod
    def pause(cls, reason: object, until: object = None) -> "ConfigEdits":
        """Return the edits of a pause, or raise ValueError (see `check_pause_end`)."""
        checked, end = check_pause_reason(reason or ""), check_pause_end(until)
        return cls(paused=True, pause_reason=checked, paused_until=end)

    def __bool__(self) -> bool:
        return self != ConfigEdits()

    def apply_to(self, config: FabricConfig) -> FabricConfig:
        """Return the configuration with these edits."""
        edits = self.model_dump(exclude_none=True)
        if self.paused_until == "":
            edits["paused_until"] = None
        return config.model_copy(update=edits) if edits else config

    def merge(self, later: "ConfigEdits") -> "ConfigEdits":
        """Return these edits, overridden by `later` ones."""
        return self.model_copy(update=later.model_dump(exclude_none=True))

    def remaining_after(self, written: "ConfigEdits") -> "ConfigEdits":
        """Return what is left to write after `written` was."""
        done = {name for name, value in self if value == getattr(written, name)}
        return self.model_copy(update=dict.fromkeys(done))


RESUME: Final = ConfigEdits(paused=False, pause_reason="", paused_until="")
"""The edits that end a pause."""


def check_interval(value: object) -> int:
    """Return `value` as an interval in seconds, or raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"the interval must be a whole number of seconds, not {value!r:.40}")
    if value != 0 and not MIN_INTERVAL_SECONDS <= value <= MAX_INTERVAL_SECONDS:
        raise ValueError(
            f"the interval must be {MIN_INTERVAL_SECONDS} to {MAX_INTERVAL_SECONDS} seconds,"
            f" or 0 to switch the sync off, not {value}"
        )
    return value


def check_pause_reason(value: object) -> str:
    """Return `value` as a pause reason, or raise ValueError (over 200 characters)."""
    if not isinstance(value, str):
        raise ValueError(f"the reason must be text, not {value!r:.40}")
    if not value.isprintable():
        raise ValueError("the reason must be one line without control characters")
    if len(value) > 200:
        raise ValueError(f"the reason must be at most 200 characters, not {len(value)}")
    return value


def check_pause_end(value: object) -> datetime | Literal[""]:
    """Return `value` as the end of a pause, or raise ValueError; None is no end."""
    if value is None or value == "":
        return ""
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None or moment >= PAUSE_END_LIMIT:
        raise ValueError(
            "the end of a pause must be a time before 2100, such as 2026-12-24T08:00:00+01:00,"
            f" not {value!r:.40}"
        )
    return moment.replace(microsecond=0)


def check_bool(value: object) -> bool:
    """Return `value` as a bool, or raise ValueError."""
    if not isinstance(value, bool):
        raise ValueError(f"the argument must be true or false, not {value!r:.40}")
    return value


def check_plan_digest(value: object) -> str:
    """Return `value` as the digest of a plan, or raise ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"the argument must be the digest of pending deletes, not {value!r:.40}")
    return value


def check_no_argument(value: object) -> None:
    """Raise ValueError unless `value` is None: for messages that take no argument.

    They declare one all the same: the SDK silently drops the arguments of a handler without parameters.
    """
    if value is not None:
        raise ValueError(f"the message takes no argument, but came with {value!r:.40}")
