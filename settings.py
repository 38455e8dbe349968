"""Settings of the worker and the command line, from `FABRIC_SYNC_...` variables.

The connection to Temporal is configured by Temporal's own variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
...) or its `temporal.toml`, which `temporalio.envconfig` reads.
"""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from platformdirs import user_cache_path
from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fabrics.hosts import HostPattern, is_loopback, parse_host_patterns

MIN_WEBHOOK_SECRET_CHARS: Final = 16
MAX_METRICS_PORT: Final = 65_533
"""The two ports after it are for what Temporal's client library exports."""

MIN_HEALTH_INTERVAL: Final = 30
"""Seconds; agents report every 15 seconds."""


def _parse_allowed_hosts(value: object) -> object:
    return parse_host_patterns(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """One field per variable. The defaults suit a single installation on one host."""

    model_config = SettingsConfigDict(
        env_prefix="FABRIC_SYNC_",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    netbox_url: str = "http://127.0.0.1:8000"
    """The NetBox that holds the records; a remote worker writes inventories there. The default is that of the
    local stack."""

    netbox_token: SecretStr = SecretStr("")
    """An API token of the user that `starter.py setup` makes. No default: a token is never guessed."""

    netbox_allow_http: bool = Field(default=False, validate_default=True)
    """Whether `FABRIC_SYNC_NETBOX_URL` may be an `http://` URL of another host. Off, since everybody on the way could
    read the token. Loopback addresses are always allowed."""

    netbox_token_file: Path | None = None
    """A file with that token, such as a mounted Secret. It is read at each request, so a new token needs no restart.
    Without effect if `FABRIC_SYNC_NETBOX_TOKEN` is set."""

    netbox_heartbeat: int = Field(default=900, ge=5)
    """Seconds after which a sync writes `hh_last_sync` although nothing changed. Each write adds a changelog row and
    makes forms that somebody has open unsavable, so this is far above the usual interval. A fabric counts as stale
    after two of these."""

    inventory: bool = True
    """Whether live states are synced to NetBox's devices, interfaces, cables, VRFs, prefixes and VLANs. On by default,
    since objects that people made are never touched. If NetBox documents the same devices already, switch it off
    until `inventory FABRIC --plan` shows what you expect. Only the workers that run the loops read this setting;
    remote workers follow them."""

    full_sync_interval: int = Field(default=3600, ge=5)
    """Seconds after which a sync compares the whole inventory with NetBox although nothing changed, and corrects
    edits made there. It takes a few requests per fabric, and NetBox answers a few dozen a second."""

    inventory_retry_interval: int = Field(default=60, ge=0)
    """Seconds after the start of an inventory run that failed or left work pending until the next one may start. A
    change in the fabric is written at once."""

    fleet_interval: int = Field(default=30, ge=1)
    """Seconds between rounds over all records and loops, which find edits that no webhook announced and start
    missing loops. Each round reads all records from NetBox."""

    health_interval: int = Field(default=300, ge=0)
    """Seconds between two readings of what the agents on a fabric's switches report, if the worker's account may read
    them (`deploy/clusterrole-health.yaml`); sooner while a change is being applied. 0 switches that off."""

    stuck_after: int = Field(default=300, ge=30)
    """Seconds after which a switch that has not applied a change makes its fabric `degraded`."""

    first_sync_spread: int = Field(default=30, ge=0)
    """Seconds over which the first syncs of new fabrics are spread, so that a fleet that is enabled together does
    not sync together. 0 means that they begin at once."""

    netbox_timeout: float = Field(default=30.0, gt=0)
    """Seconds that a NetBox request may take once connected: a busy NetBox needs several for a large page."""

    connect_timeout: float = Field(default=5.0, gt=0)
    """Seconds for any host to accept a connection. Hosts that are up do so in milliseconds, and a longer wait only
    takes slots from fabrics that respond."""

    answer_timeout: float = Field(default=5.0, gt=0)
    """Seconds that one page of a list, or all of Git, may take for a fabric that responded last time.
    They usually take well under one second, and a short limit loses few worker slots to fabrics that stop responding.
    Slower fabrics are read again at once, on other slots, with the next two timeouts."""

    read_timeout: float = Field(default=30.0, gt=0)
    """Seconds that Kubernetes may take for one page of a list."""

    git_timeout: float = Field(default=45.0, gt=0)
    """Seconds that Git may take, including the wait for another fabric's fetch of the same branch: below the
    shortest timeout of a sync (60 s)."""

    credentials_dir: Path = Path("/etc/fabric-sync/credentials")
    """Holds a folder for each credential, laid out like a mounted Kubernetes Secret."""

    cache_dir: Path = user_cache_path("fabric-sync") / "worker"
    """Holds Git mirrors, one for each branch, readable by the worker only. Only a cache: missing ones are fetched
    again. Those that were unused for 7 days are deleted, and those unused for the longest time while all together
    exceed 10 GB."""

    git_allow_local: bool = False
    """Whether records may name repositories by `file://` URLs. For development: on a shared worker, anybody who
    can edit a record could read the worker's disk."""

    allowed_hosts: Annotated[
        tuple[HostPattern, ...], NoDecode, BeforeValidator(_parse_allowed_hosts)
    ] = ()
    """The hosts that records may name in `hh_kubernetes_server` and `hh_git_repository`, separated by commas:
    `git.example.com`, `*.example.com` (all names below it, but not itself), `10.0.0.0/8`, `2001:db8::/32`. Names cover
    names and networks cover addresses, both on every port; names are not resolved. Empty means any host, so whoever may
    edit a record can have the worker connect anywhere. Each worker has its own list."""

    kubernetes_allow_exec: bool = False
    """Whether kubeconfigs may run programs to get credentials. Off, since a kubeconfig is then code."""

    encryption_keys_file: Path | None = None
    """A file with keys that encrypt what Temporal stores of fabrics, `ID: KEY` on each line, where a key is 32 bytes in
    base64. The first one encrypts, all decrypt. All workers, and the command line, need it. It is read again when it
    changes (`docs/operating.md`). Without it nothing is encrypted."""

    task_queue: str = "fabric-sync"
    """The queue of workflows, of records, and of every fabric whose record names no other."""

    deployment_name: str = Field(default="", pattern="^[^.:]*$")
    """The Worker Deployment of Temporal to which this worker belongs, if it is to be versioned; without `.` and `:`. A
    versioned worker gets work only once its build is the current one (`docs/upgrade.md`). A remote worker needs a
    deployment of its own. Empty means that workers are not versioned."""

    build_id: str = Field(default="", validate_default=True)
    """The build within the deployment, for instance the tag of the image. All workers of one release have the same."""

    concurrent_observes: int = Field(default=32, ge=1)
    """Fabrics read at a time, of those that responded last time. Each takes a thread that mostly waits for the
    network. One that stops responding holds its worker slot for `answer_timeout`: 32 allow six of these a second."""

    catch_up_rate: float = Field(default=20.0, gt=0)
    """Fabrics read a second, in all workers of a task queue together, of those that are late: after an outage, and
    at the start of a fleet. Git hosts and NetBox see no burst then, and the slots of other fabrics stay free."""

    concurrent_unresponsive_observes: int = Field(default=32, ge=1)
    """Fabrics read at a time, of those that did not respond last time, or not soon enough. They have separate
    worker slots, so that they cannot delay others. Each holds its slot for `connect_timeout` if its host is down,
    at most for `git_timeout`. More slots notice recovered fabrics sooner."""

    concurrent_netbox_calls: int = Field(default=4, ge=1)
    """Requests to NetBox at a time, for whatever purpose, and as many activities that send them, in separate worker
    slots so that unresponsive fabrics never delay them. NetBox answers a few dozen requests a second, so more would
    only queue there. Inventories may use three of them and leave one to the records."""

    concurrent_workflow_tasks: int = Field(default=4, ge=2)
    """Workflow tasks at a time. Few, since after a restart each replays a history on the CPU, and too many at once
    exceed Temporal's 10 s for one task."""

    cached_workflows: int = Field(default=5000, ge=1)
    """Loops kept in memory, about 170 KB each. It must exceed the fleet, or every sync replays a history."""

    graceful_shutdown: float = Field(default=20.0, ge=0)
    """Seconds for running activities to finish when the worker is stopped: below the 30 s after which Kubernetes
    and Docker kill it."""

    webhook_port: int = Field(default=0, ge=0, le=65535)
    """The port for webhooks of NetBox and Git hosts, so that edits and pushes take effect at once. 0 means none."""

    webhook_host: str = "127.0.0.1"
    """The address for webhooks. The default is for a proxy on the same host: the receiver speaks plain HTTP, and
    GitLab's plain tokens need TLS in transit."""

    webhook_secret_file: Path | None = None
    """A file with secrets that senders may sign webhooks with, one on each line, such as a mounted Secret. It is read
    at each request; two lines are for the time of a change. Without effect if `FABRIC_SYNC_WEBHOOK_SECRET` is set."""

    webhook_secret: SecretStr = Field(default=SecretStr(""), validate_default=True)
    """The secret that senders sign webhooks with. No default: whoever knows it can make fabrics sync."""

    metrics_port: int = Field(default=0, ge=0, le=MAX_METRICS_PORT)
    """The port for metrics (`/metrics`) and probes (`/livez`, `/readyz`). 0 means none. Temporal's client library
    exports its metrics on the loopback interface at the next port, that of the workflows at the one after it; both are
    part of `/metrics`."""

    metrics_host: str = "127.0.0.1"
    """The address for metrics and probes. Kubernetes needs `0.0.0.0`. They have no secrets, but names of fabrics and of
    credentials, and anybody who reaches the port can read them."""

    log_format: Literal["text", "json"] = "text"
    """The form of the log: lines for people, or one JSON object for each message."""

    log_level: Literal["INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest level that is logged. `INFO` has one line for each sync."""

    traces: bool = False
    """Whether traces are sent by OpenTelemetry, to where its own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`, ...). It
    needs the packages of the extra `traces`. Those of the last seconds before a worker stops may be missing."""

    notifications_file: Path | None = None
    """A file with the targets of notifications (`docs/operating.md`), such as a mounted Secret. It is read at each use.
    All workers but remote ones need it. Without it nobody is notified."""

    @field_validator("credentials_dir", "cache_dir")
    @classmethod
    def _make_absolute(cls, folder: Path) -> Path:
        return folder.absolute()  # git starts in another one

    @field_validator("netbox_url")
    @classmethod
    def _validate_no_login(cls, url: str) -> str:
        if "@" in url:  # errors name the URL, in records, in Temporal and in the log
            raise ValueError(
                "it must have no user and no password: FABRIC_SYNC_NETBOX_TOKEN logs in"
            )
        return url

    @field_validator("netbox_allow_http")
    @classmethod
    def _validate_netbox_url(cls, allow_http: bool, info: ValidationInfo) -> bool:
        url = urlsplit(info.data.get("netbox_url", ""))
        if url.scheme == "http" and not allow_http and not is_loopback(url.hostname or ""):
            raise ValueError(
                "FABRIC_SYNC_NETBOX_URL is an http:// URL of another host, so everybody on the way could read"
                " the token: use https://, or allow it with FABRIC_SYNC_NETBOX_ALLOW_HTTP=true"
            )
        return allow_http

    @field_validator("health_interval")
    @classmethod
    def _validate_health_interval(cls, seconds: int) -> int:
        if 0 < seconds < MIN_HEALTH_INTERVAL:
            raise ValueError(f"it must be 0 or at least {MIN_HEALTH_INTERVAL}")
        return seconds

    @field_validator("build_id")
    @classmethod
    def _validate_build_id(cls, build_id: str, info: ValidationInfo) -> str:
        if bool(build_id) != bool(info.data.get("deployment_name")):
            raise ValueError("it goes together with the deployment name: set both or neither")
        return build_id

    @field_validator("webhook_secret")
    @classmethod
    def _validate_webhook_secret(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        is_needed = info.data.get("webhook_port") and not info.data.get("webhook_secret_file")
        if (secret or is_needed) and len(secret) < MIN_WEBHOOK_SECRET_CHARS:
            raise ValueError(
                f"webhooks need a secret of at least {MIN_WEBHOOK_SECRET_CHARS} characters:"
                " `openssl rand -hex 32` makes one"
            )
        return secret

    @property
    def for_responsive_fabrics(self) -> "Settings":
        """The settings for the worker slots of fabrics that responded last time."""
        limits = {
            name: min(getattr(self, name), self.answer_timeout)
            for name in ("read_timeout", "git_timeout")
        }
        return self.model_copy(update=limits)
