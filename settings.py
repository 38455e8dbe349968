"""Settings of the worker and the command line, from environment variables with the prefix `FABRIC_SYNC_`.

Where Temporal is comes from Temporal's own configuration (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
... or its `temporal.toml`), read by `temporalio.envconfig`; nothing here repeats it.
"""

from pathlib import Path
from typing import Final

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_WEBHOOK_SECRET_CHARS: Final = 16


class Settings(BaseSettings):
    """One value a variable. Every default is what a single installation on one host needs."""

    model_config = SettingsConfigDict(
        env_prefix="FABRIC_SYNC_",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    netbox_url: str = "http://127.0.0.1:8000"
    """The NetBox that holds the records; a site's worker writes inventories there. The default is the local
    stack's, so that trying it out needs nothing."""

    netbox_token: SecretStr = SecretStr("")
    """An API token of the user that `starter.py setup` makes. No default: a token is never guessed."""

    netbox_heartbeat: int = Field(default=900, ge=5)
    """Seconds after which `hh_last_sync` is written although nothing changed, by the sync that is nearest to them.
    Each write makes a form that somebody has open unsavable and adds a changelog row, so it is far above the
    usual interval; readers call a fabric stale after two of these."""

    inventory: bool = True
    """Whether what runs in fabrics is mirrored into NetBox's devices, interfaces, cables, VRFs, prefixes and VLANs. On,
    since NetBox should show what is there, and what people made by hand is never touched. Where a NetBox documents
    the same devices already, switch it off until `inventory FABRIC --plan` says what you expect. It counts at the
    workers that run the loops; a site's worker does as they say."""

    full_sync_interval: int = Field(default=3600, ge=5)
    """Seconds after which a sync compares the whole inventory in NetBox although nothing changed, and puts right what
    was edited there. It takes a handful of requests a fabric, and NetBox answers a few dozen a second."""

    netbox_timeout: float = Field(default=30.0, gt=0)
    """Seconds that one NetBox request may take once connected: a busy NetBox needs several for a large page."""

    connect_timeout: float = Field(default=5.0, gt=0)
    """Seconds that any host gets to accept a connection: hosts that are up do it in milliseconds, and a longer wait
    only keeps slots from fabrics that answer."""

    answer_timeout: float = Field(default=5.0, gt=0)
    """Seconds that one page of a list, and one `git fetch`, may take on the slots of fabrics that answered last time.
    They take well under one, and the shorter this is, the fewer slots are lost to fabrics that fall silent. What
    takes longer is read once more at once, on other slots, with the patience of the next two settings."""

    read_timeout: float = Field(default=30.0, gt=0)
    """Seconds that Kubernetes may take for one page of a list."""

    git_timeout: float = Field(default=45.0, gt=0)
    """Seconds that one `git fetch` may take before it is killed: below the smallest budget of a sync (60 s)."""

    credentials_dir: Path = Path("/etc/fabric-sync/credentials")
    """One folder for each credential, laid out as a mounted Kubernetes Secret is."""

    cache_dir: Path = user_cache_path("fabric-sync") / "worker"
    """Where Git mirrors live. Only a cache: whatever is missing is read again."""

    git_allow_local: bool = False
    """Whether records may name repositories by `file://` URLs. For development: on a shared worker it would let
    whoever edits a record read the worker's disk."""

    kubernetes_allow_exec: bool = False
    """Whether kubeconfigs may run programs to get credentials. Off, since a kubeconfig is then code."""

    task_queue: str = "fabric-sync"
    """The queue of workflows, records, and of every fabric whose record names no other."""

    concurrent_observes: int = Field(default=32, ge=1)
    """Fabrics that are read at the same time, of those that answered last time. Each takes a thread that mostly waits
    for the network. While fabrics fall silent, each holds one for `answer_timeout`: with 32, six a second may."""

    concurrent_unresponsive_observes: int = Field(default=32, ge=1)
    """Fabrics that are read at the same time, of those that did not answer last time or not soon enough. They have
    slots of their own, so that those which hang are in nobody's way. Each holds one for `connect_timeout`, if its
    host is gone, up to `git_timeout`; more slots bring those that have recovered back sooner."""

    concurrent_netbox_calls: int = Field(default=4, ge=1)
    """Requests to NetBox under way at the same time, whatever they are for, and as many activities that make them,
    in slots of their own so that fabrics that hang never delay them. NetBox answers a few dozen requests a second,
    so more would only queue there. Inventories may have three of them, and leave one to the records."""

    concurrent_workflow_tasks: int = Field(default=4, ge=2)
    """Workflow tasks at the same time. Few, since after a restart each replays a history on the CPU, and too
    many at once exceed Temporal's 10 s for one task."""

    cached_workflows: int = Field(default=5000, ge=1)
    """Loops kept in memory, about 130 KB each. More than the fleet has, or every sync replays its history."""

    graceful_shutdown: float = Field(default=20.0, ge=0)
    """Seconds that running activities get to finish when the worker is asked to stop: below the 30 s after
    which Kubernetes and Docker kill."""

    webhook_port: int = Field(default=0, ge=0, le=65535)
    """Where the worker takes webhooks of NetBox and Git hosts, so that edits and pushes count at once. 0: nowhere."""

    webhook_host: str = "127.0.0.1"
    """The address it takes them at. The default is for a proxy on the same host: the receiver speaks plain HTTP,
    and GitLab's plain tokens need TLS on the way."""

    webhook_secret: SecretStr = Field(default=SecretStr(""), validate_default=True)
    """What senders sign webhooks with. No default: whoever knows it can make fabrics sync."""

    @field_validator("webhook_secret")
    @classmethod
    def _validate_webhook_secret(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if (secret or info.data.get("webhook_port")) and len(secret) < MIN_WEBHOOK_SECRET_CHARS:
            raise ValueError(
                f"webhooks need a secret of at least {MIN_WEBHOOK_SECRET_CHARS} characters:"
                " `openssl rand -hex 32` makes one"
            )
        return secret

    @property
    def for_responsive_fabrics(self) -> "Settings":
        """The same for the slots of fabrics that answered last time."""
        limits = {
            name: min(getattr(self, name), self.answer_timeout)
            for name in ("read_timeout", "git_timeout")
        }
        return self.model_copy(update=limits)
