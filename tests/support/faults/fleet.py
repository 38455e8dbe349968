"""An installation of small fabrics behind proxies, with a worker of its own."""

import asyncio
import re
import signal
import ssl
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from temporalio.service import RPCError

from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.kubernetes.releases import HedgehogRelease
from tests.support.faults.database import read_inventories
from tests.support.faults.faults import Dependency, Fault
from tests.support.faults.invariants import (
    Inventory,
    View,
    find_illness,
    find_illness_of_loop,
    find_losses,
)
from tests.support.faults.proxy import (
    Elsewhere,
    FaultyProxy,
    Injection,
    run_elsewhere,
    run_proxy,
)
from tests.support.faults.sample import (
    ADDITIONS,
    UNKNOWN_KIND,
    Contents,
    Key,
    Phase,
    make_contents,
    read_unknown_object,
)
from tests.support.system.fleet import first_run_id, fleet_summary, only_these_run
from tests.support.system.installation import INVENTORY, Fabric, Installation, wait_until

INTERVAL: Final = 5
"""Seconds between syncs: the minimum."""

PAGE_LIMIT: Final = 2
"""Objects on a page of Kubernetes, so that small lists have several."""

SETTINGS: Final = INVENTORY | {
    "FABRIC_SYNC_FLEET_INTERVAL": "5",
    "FABRIC_SYNC_ANSWER_TIMEOUT": "3",
    "FABRIC_SYNC_READ_TIMEOUT": "6",
    "FABRIC_SYNC_GIT_TIMEOUT": "6",
    "FABRIC_SYNC_NETBOX_TIMEOUT": "8",
    "FABRIC_SYNC_HEALTH_INTERVAL": "3600",  # agents are read after changes only
}
"""Timeouts far below what hangs, and far above what a busy machine takes."""

POLL_SECONDS: Final = 1.0
RECOVERY_TIME: Final = timedelta(seconds=60)
"""For a fleet to be healthy again before it is given up."""

MAX_WORK_TIME: Final = timedelta(seconds=180)
"""For the fabrics without a fault to end what all of them do in a phase, on a slow machine."""


@dataclass(eq=False)
class FaultyFabric:
    """One fabric with what it has now; `proxy` is before its Kubernetes API.

    `expected` are the keys of what NetBox must have. `unique` is in the names of this round of its life.
    """

    fabric: Fabric
    proxy: FaultyProxy
    contents: Contents
    expected: frozenset[Key] = frozenset()
    unique: str = ""

    def __post_init__(self) -> None:
        self.expected = self.contents.find_expected_keys(self.id)

    @property
    def id(self) -> str:
        """The fabric id."""
        return self.fabric.fabric_id

    def enter(self, phase: Phase) -> None:
        """Change Git and the API to the contents of a phase."""
        if phase is Phase.GROW:
            self.unique = f"x{uuid4().hex[:8]}"
        known, self.contents = self.contents, make_contents(phase, self.unique)
        contents = self.contents
        self.expected = contents.find_expected_keys(self.id)
        self.fabric.api.apply_all(item for item in contents.live if item not in known.live)
        for kind, name in known.without(contents):
            self.fabric.api.delete(kind, name)
        self.fabric.repository.commit(contents.in_git)


@dataclass
class FaultyFleet:
    """All fabrics, and the proxies before what they share."""

    installation: Installation
    netbox: FaultyProxy
    git: FaultyProxy
    elsewhere: Elsewhere
    fabrics: list[FaultyFabric]
    phase: Phase = Phase.STEADY
    worker: subprocess.Popen[bytes] | None = None
    _workers: AsyncExitStack = field(default_factory=AsyncExitStack)

    # -- faults ------------------------------------------------------------------------------------

    def get_proxy(self, fabric: FaultyFabric, dependency: Dependency) -> FaultyProxy:
        """Return the proxy between a fabric and a dependency."""
        shared = {Dependency.NETBOX: self.netbox, Dependency.GIT: self.git}
        return shared.get(dependency, fabric.proxy)

    def inject(
        self, fabric: FaultyFabric, dependency: Dependency, fault: Fault, step: str, times: int = 1
    ) -> Injection:
        """Let a fault strike the next exchanges of a fabric."""
        return self.get_proxy(fabric, dependency).inject(fault, step, fabric.id, times)

    def clear_faults(self) -> None:
        """Let no fault strike any more."""
        for proxy in self.proxies:
            proxy.injections.clear()

    def take_exchanges(self) -> dict[tuple[Dependency, str], set[str]]:
        """Return the fabrics of exchanges since the last call, by dependency and step."""
        seen: defaultdict[tuple[Dependency, str], set[str]] = defaultdict(set)
        for proxy in self.proxies:
            for fabric, step in proxy.exchanges:
                seen[proxy.dependency, step].add(fabric)
            proxy.exchanges.clear()
        return seen

    @property
    def proxies(self) -> list[FaultyProxy]:
        """All proxies, each between the worker and one dependency."""
        return [self.netbox, self.git, *(fabric.proxy for fabric in self.fabrics)]

    # -- events ------------------------------------------------------------------------------------

    async def enter(self, phase: Phase, fabrics: Sequence[FaultyFabric] | None = None) -> None:
        """Give fabrics, by default all, the contents of a phase."""
        if phase is Phase.STEADY:
            return
        self.phase = phase
        entering = self.fabrics if fabrics is None else fabrics
        await asyncio.gather(*(asyncio.to_thread(fabric.enter, phase) for fabric in entering))

    async def prepare(self, phase: Phase) -> None:
        """Bring all fabrics to where a phase begins, without faults."""
        begins_without = phase is Phase.GROW and self.phase in ADDITIONS
        if begins_without or (phase is self.phase is Phase.CHANGE):
            await self._pass(Phase.SHRINK)
        if phase in (Phase.CHANGE, Phase.SHRINK) and self.phase not in ADDITIONS:
            await self._pass(Phase.GROW)

    async def _pass(self, phase: Phase) -> None:
        begun = datetime.now(UTC)
        await self.enter(phase)
        ill = await self.settle(begun, {})
        assert not ill, ill

    async def start_worker(self, **overrides: str) -> None:
        """Start a worker process."""
        process = self.installation.worker_process(**overrides)
        self.worker = await self._workers.enter_async_context(process)

    async def end_worker(self, number: signal.Signals) -> None:
        """Send the worker a signal, and wait for its end."""
        assert self.worker is not None
        self.worker.send_signal(number)
        code = await asyncio.to_thread(self.worker.wait, 40)
        assert code == 0 or number is signal.SIGKILL, code

    async def close(self) -> None:
        """End the worker."""
        await self._workers.aclose()

    async def wait_for_errors(self) -> None:
        """Wait until every fabric says that something is wrong."""
        for fabric in self.fabrics:
            await wait_until(fabric.fabric.status, lambda status: status.sync_error != "")

    # -- views -------------------------------------------------------------------------------------

    async def view(self) -> dict[str, View]:
        """Return all fabrics as they are now, by id."""
        records, inventories, *loops = await asyncio.gather(
            asyncio.to_thread(self.installation.admin.list_records),
            asyncio.to_thread(self.read_inventories),
            *(_read_loop(fabric.fabric) for fabric in self.fabrics),
        )
        by_id = {row["custom_fields"]["hh_fabric_id"]: row for row in records}
        return {
            fabric.id: replace(loop, record=by_id[fabric.id], inventory=inventories[fabric.id])
            for fabric, loop in zip(self.fabrics, loops, strict=True)
        }

    def read_inventories(self) -> dict[str, Inventory]:
        """Read the ids of all objects in NetBox, by fabric."""
        return read_inventories(
            self.installation.stack.netbox.database, [f.id for f in self.fabrics]
        )

    async def settle(
        self, begun: datetime, ended: Mapping[str, datetime], patience: timedelta = timedelta()
    ) -> dict[str, list[str]]:
        """Wait until all fabrics are healthy; return what is wrong with the others.

        `ended` are the ends of faults by fabric. Those fabrics have `patience` from then on, or from when all others
        have done the work that has `begun`.
        """
        last_end = max(ended.values(), default=begun)
        ready: datetime | None = None
        while True:
            since = {fabric.id: ended.get(fabric.id, begun) for fabric in self.fabrics}
            ill, now = await self._find_ill(since), datetime.now(UTC)
            ready = None if ill.keys() - ended.keys() else (ready or now)
            is_late = ready is not None and now > max(ready, last_end) + patience
            if not ill or is_late or now > last_end + MAX_WORK_TIME:
                return ill
            await asyncio.sleep(POLL_SECONDS)

    async def _find_ill(self, since: Mapping[str, datetime]) -> dict[str, list[str]]:
        """Return what is wrong by fabric; NetBox, which is slow, is read last."""
        statuses = await asyncio.gather(*(fabric.fabric.status() for fabric in self.fabrics))
        loops = {
            fabric.id: find_illness_of_loop(status, since[fabric.id])
            for fabric, status in zip(self.fabrics, statuses, strict=True)
        }
        if any(loops.values()):
            return {id_: illness for id_, illness in loops.items() if illness}
        views = await self.view()
        return {
            fabric.id: illness
            for fabric in self.fabrics
            if (illness := find_illness(views[fabric.id], fabric.expected, since[fabric.id]))
        }

    async def recovers(self) -> bool:
        """Return whether all fabrics become healthy, and the worker runs."""
        if self.worker is None or self.worker.poll() is not None:
            return False
        recently = datetime.now(UTC) - timedelta(seconds=2 * INTERVAL)
        try:
            return not await self.settle(recently, self.ended_at(recently), RECOVERY_TIME)
        except RPCError:  # Temporal does not answer
            return False

    def ended_at(self, moment: datetime) -> dict[str, datetime]:
        """Return that a fault of all fabrics ended then."""
        return {fabric.id: moment for fabric in self.fabrics}

    async def find_losses(self, before: Mapping[str, View]) -> dict[str, list[str]]:
        """Return what each fabric has lost since `before`."""
        after = await self.view()
        return {id_: find_losses(before[id_], view) for id_, view in after.items()}

    async def find_fleet_problems(self) -> list[str]:
        """Return what is wrong with the fleet as a whole."""
        client, loops = self.installation.client, [fabric.fabric for fabric in self.fabrics]
        try:
            await wait_until(partial(only_these_run, client, loops), bool, 30)
            await wait_until(
                partial(fleet_summary, self.installation),
                lambda summary: not (summary.error or summary.problems),
                30,
            )
        except AssertionError as error:
            return [f"the fleet: {error}"]
        followed, self.elsewhere.requests = self.elsewhere.requests, []
        return [f"a redirect was followed: {request}" for request in followed]


async def _read_loop(fabric: Fabric) -> View:
    run, status, history = await asyncio.gather(
        first_run_id(fabric), fabric.status(), fabric.history()
    )
    return View(run, status, history, {}, {})


@asynccontextmanager
async def run_fleet(
    installation: Installation, count: int, **overrides: str
) -> AsyncIterator[FaultyFleet]:
    """Run `count` fabrics and a worker; at first all of them are healthy."""
    server = installation.stack.netbox
    async with AsyncExitStack() as exits:
        apis = ExitStack()
        exits.push_async_callback(asyncio.to_thread, apis.close)
        elsewhere = await exits.enter_async_context(run_elsewhere())
        owners: dict[str, re.Pattern[str]] = {}

        def find_owner(text: str) -> str:
            return next((id_ for id_, pattern in owners.items() if pattern.search(text)), "")

        netbox, git = [
            await exits.enter_async_context(run_proxy(dependency, url, find_owner, elsewhere.url))
            for dependency, url in (
                (Dependency.NETBOX, server.url),
                (Dependency.GIT, installation.stack.git.url),
            )
        ]
        addresses = {"FABRIC_SYNC_NETBOX_URL": netbox.url}
        ours = replace(
            installation, overrides=installation.overrides | SETTINGS | addresses | overrides
        )
        fleet = FaultyFleet(ours, netbox, git, elsewhere, [])
        prefix = f"faulty-{uuid4().hex[:6]}"
        for number in range(count):
            fabric = await _create_fabric(fleet, f"{prefix}-{number:02}", exits, apis)
            record = fabric.fabric.record_id
            owners[fabric.id] = re.compile(
                rf"{fabric.id}|clusters/{record}/|[?&]id={record}\b"
                rf"|assigned_object_id[\"=: ]+{record}\b"
            )
            fleet.fabrics.append(fabric)
        exits.push_async_callback(fleet.close)
        begun = datetime.now(UTC)
        await fleet.start_worker()
        client, loops = ours.client, [fabric.fabric for fabric in fleet.fabrics]
        await wait_until(partial(only_these_run, client, loops), bool)
        ill = await fleet.settle(begun, {})
        assert not ill, ill
        yield fleet


async def _create_fabric(
    fleet: FaultyFleet, fabric_id: str, exits: AsyncExitStack, apis: ExitStack
) -> FaultyFabric:
    contents = make_contents(Phase.STEADY, "")
    api = _start_api(apis)
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    api.auth.issue_certificate().configure_cert(server_tls)
    client_tls = ssl.create_default_context(cadata=api.auth.ca_cert)
    proxy = await exits.enter_async_context(
        run_proxy(
            Dependency.KUBERNETES,
            api.server,
            lambda _: fabric_id,
            fleet.elsewhere.url,
            (server_tls, client_tls),
        )
    )
    proxy.page_limit, api.server = PAGE_LIMIT, proxy.url
    fabric = await replace(fleet.installation, start_api=lambda: api).named_fabric(
        fabric_id,
        contents.in_git,
        contents.live,
        hh_sync_interval=INTERVAL,
        hh_git_repository=f"{fleet.git.url}/{fabric_id}.git",
    )
    return FaultyFabric(fabric, proxy, contents)


def _start_api(apis: ExitStack) -> EmulatedKubernetesApi:
    api = apis.enter_context(kubernetes_emulator(release=HedgehogRelease.NEXT))
    objects = api._handler.objects
    api._run_in_event_loop(lambda: objects.serve_kind(UNKNOWN_KIND))
    api._run_in_event_loop(lambda: objects.apply(UNKNOWN_KIND, read_unknown_object()))
    api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
    api.run_agents()
    return api
