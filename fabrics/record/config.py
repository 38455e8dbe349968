"""What people decide about one fabric, as its NetBox record says it.

`FabricConfig` is the record's configuration after the defaults that the help texts name; how a
NetBox object becomes one is in `fabrics.record.status_fields`. `ConfigEdits` are decisions that reached the loop
first (a signal, the command line) and still have to be written to the record: until then they win.
"""

from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, Field

DEFAULT_INTERVAL_SECONDS: Final = 300
MIN_INTERVAL_SECONDS: Final = 5
MAX_INTERVAL_SECONDS: Final = 2_592_000
"""30 days, in seconds."""

FABRIC_ID_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,38}$"


class KubernetesTarget(BaseModel, frozen=True):
    """The fabric's API: `credential` is the name of one, never the secret itself."""

    server: str
    namespace: str
    credential: str


class GitSource(BaseModel, frozen=True):
    """Where the desired state lives. `directory` is relative to the repository's root, `/` is all."""

    repository: str
    branch: str
    directory: str
    credential: str


class FabricConfig(BaseModel, frozen=True):
    """One fabric's configuration. `interval` is in seconds, 0 means that the sync is switched off."""

    fabric_id: str
    name: str
    record_id: int
    active: bool = True
    enabled: bool = False
    interval: int = DEFAULT_INTERVAL_SECONDS
    paused: bool = False
    pause_reason: str = ""
    kubernetes: KubernetesTarget | None = None
    git: GitSource | None = None
    managed_kinds: tuple[str, ...] = ()
    task_queue: str = ""
    scope: str = ""
    """Where the record says that the devices stand, only to tell whether that has changed: inventories look it up."""
    problems: tuple[str, ...] = ()
    """Sentences on values of the record that cannot be used; each makes the fabric's status `error`."""

    @property
    def is_switched_on(self) -> bool:
        """Whether people want this fabric synced at all."""
        return self.active and self.enabled and self.interval > 0

    @property
    def needs_loop(self) -> bool:
        """Whether a workflow should keep running for this fabric."""
        return self.is_switched_on and self.kubernetes is not None

    @property
    def sources(self) -> tuple[KubernetesTarget | None, GitSource | None, tuple[str, ...], str]:
        """What a sync reads and compares, and from where."""
        return self.kubernetes, self.git, self.managed_kinds, self.task_queue

    @property
    def has_invalid_id(self) -> bool:
        """Whether it names its fabric by what is no fabric id, so that no loop can look after it."""
        return not self.fabric_id and bool(self.problems)

    @property
    def hash(self) -> str:
        """Twelve hex digits that change exactly when the configuration does."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:12]


class ConfigEdits(BaseModel, frozen=True):
    """Changes to the configuration that are not in the record yet; None leaves a value alone."""

    interval: Annotated[int, Field(ge=0, le=MAX_INTERVAL_SECONDS)] | None = None
    paused: bool | None = None
    pause_reason: str | None = None

    def __bool__(self) -> bool:
        return self != ConfigEdits()

    def apply_to(self, config: FabricConfig) -> FabricConfig:
        """The configuration as it is once these edits are written."""
        return config.model_copy(update=self.model_dump(exclude_none=True))

    def merge(self, later: "ConfigEdits") -> "ConfigEdits":
        """These edits, overridden by `later` ones."""
        return self.model_copy(update=later.model_dump(exclude_none=True))

    def remaining_after(self, written: "ConfigEdits") -> "ConfigEdits":
        """What is left to write once `written` stands in the record."""
        done = {name for name, value in self if value == getattr(written, name)}
        return self.model_copy(update=dict.fromkeys(done))


def check_interval(value: object) -> int:
    """Return `value` as seconds between syncs, or raise ValueError with a sentence that says why not."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"the interval must be a whole number of seconds, not {value!r:.40}")
    if value != 0 and not MIN_INTERVAL_SECONDS <= value <= MAX_INTERVAL_SECONDS:
        raise ValueError(
            f"the interval must be {MIN_INTERVAL_SECONDS} to {MAX_INTERVAL_SECONDS} seconds,"
            f" or 0 to switch the sync off, not {value}"
        )
    return value


def check_pause_reason(value: object) -> str:
    """Return `value` as the reason of a pause (200 characters at most), or raise ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"the reason must be text, not {value!r:.40}")
    if not value.isprintable():
        raise ValueError("the reason must be one line without control characters")
    if len(value) > 200:
        raise ValueError(f"the reason must be at most 200 characters, not {len(value)}")
    return value


def check_bool(value: object) -> bool:
    """Return `value` as a yes or no, or raise ValueError."""
    if not isinstance(value, bool):
        raise ValueError(f"this takes true or false, not {value!r:.40}")
    return value


def check_plan_digest(value: object) -> str:
    """Return `value` as the digest of a plan, or raise ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"this takes the digest of a plan, not {value!r:.40}")
    return value


def check_no_argument(value: object) -> None:
    """Raise ValueError unless `value` is None: for messages that take no argument.

    They declare one all the same, since the SDK drops arguments of handlers without parameters unseen.
    """
    if value is not None:
        raise ValueError(f"this takes no argument, and came with {value!r:.40}")
