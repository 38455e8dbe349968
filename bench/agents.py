"""Measure what reading all agents of a fabric costs.

Run `.venv/bin/python bench/agents.py [--switches N] [--ports N]`. An emulated Kubernetes API serves the agents of a
fabric whose ports are all cabled, with optics, counters and neighbors. A process of its own reads them as a worker
does: the Tables for health, and the full Agents for facts, breakouts and cabling. The CPU time is that of this process
for one whole reading. The memory is by how much all readings raised the peak of the process.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer
from temporalio.testing import ActivityEnvironment

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/agents.py`

from activities.health import HealthReader
from activities.inventory.agents import observe_agents
from activities.kubernetes.live_state import LiveStateCache
from bench.manifests import make_manifest
from bench.measure.result import describe_machine, print_result
from fabrics.agents.health_report import Health
from fabrics.agents.state import AgentsState
from fabrics.agents.table import AGENT
from fabrics.drift.model import LiveState
from fabrics.loop.health_watch import HealthRequest
from fabrics.record.config import KubernetesTarget
from fabrics.resources.json_types import Json
from settings import Settings
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import kubernetes_emulator

CREDENTIAL: Final = "bench"


def make_cabled_fabric(switches: int, ports: int) -> Iterator[dict[str, Any]]:
    """Yield a ring of switches: half of the ports lead to each of its neighbors."""
    names = [f"leaf-{number}" for number in range(switches)]
    profile = make_manifest("Switch", "bench", _make_profile(ports))  # of the same API version
    yield profile | {"kind": "SwitchProfile"}
    for name in names:
        yield make_manifest("Switch", name, {"role": "server-leaf", "profile": "bench"})
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        links: list[Json] = [
            {
                "leaf1": {"port": f"{name}/E1/{number}"},
                "leaf2": {"port": f"{other}/E1/{number + ports // 2}"},
            }
            for number in range(1, ports // 2 + 1)
        ]
        yield make_manifest("Connection", f"{name}--mesh--{other}", {"mesh": {"links": links}})


def _make_profile(ports: int) -> dict[str, Any]:
    return {
        "displayName": "Bench",
        "nosType": "sonic-bcm-base",
        "portProfiles": {"fixed": {"speed": {"default": "100G", "supported": ["100G"]}}},
        "ports": {
            f"E1/{number}": {"nos": f"Ethernet{number}", "profile": "fixed"}
            for number in range(1, ports + 1)
        },
    }


def measure(target: KubernetesTarget, settings: Settings, readings: int) -> dict[str, Any]:
    """Return the costs of readings in this process.

    Raises SystemExit if one is not complete.
    """
    live_states = LiveStateCache()
    live = live_states.read(target, settings)
    _reset_peak_memory()
    before = _read_peak_memory_mb()
    seconds = []
    for _ in range(readings + 1):
        started = time.process_time()
        facts = _read(live_states, target, settings, live)
        seconds.append(time.process_time() - started)
    return {
        "read_switches": facts,
        "first_cpu_ms": round(1000 * seconds[0]),
        "cpu_ms": round(1000 * statistics.median(seconds[1:])),
        "memory_mb": round(_read_peak_memory_mb() - before, 1),
        "peak_memory_mb": round(_read_peak_memory_mb(), 1),
    }


def _read(
    live_states: LiveStateCache, target: KubernetesTarget, settings: Settings, live: LiveState
) -> int:
    """Read all agents once; return the number of switches whose facts are known."""
    assess = HealthReader(settings, live_states).assess
    request = HealthRequest(agents=AgentsState(), live_digest="", is_due=True)
    assessment = ActivityEnvironment().run(assess, target, request, live)
    observed = observe_agents(live_states, target, settings, live, ())
    if assessment is None or observed is None:
        raise SystemExit("The agents could not be read.")
    if assessment.report.health is not Health.HEALTHY or observed.cabling:
        raise SystemExit(f"The fabric is not as it should be: {assessment.report.message}")
    return len(observed.facts)


def _reset_peak_memory() -> None:
    """Let the peak of this process begin anew at its present memory (proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")


def _read_peak_memory_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    [peak_kb] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak_kb) / 1e3


def main(
    switches: Annotated[int, typer.Option(min=2, help="Switches of the fabric.")] = 40,
    ports: Annotated[int, typer.Option(min=2, help="Ports of each switch, an even number.")] = 128,
    readings: Annotated[int, typer.Option(min=1, help="Readings, of which the median counts.")] = 5,
) -> None:
    """Measure what reading all agents of a fabric costs."""
    machine = describe_machine()
    with TemporaryDirectory() as folder, kubernetes_emulator() as api:
        settings = Settings(credentials_dir=Path(folder))
        api.write_credential(settings.credentials_dir / CREDENTIAL)
        api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
        api.apply_all([*make_cabled_fabric(switches, ports)])
        agent_kb = _measure_agent_kb(api.run_agents())
        target = KubernetesTarget(server=api.server, namespace="default", credential=CREDENTIAL)
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            costs = process.submit(measure, target, settings, readings).result()
    print_result(
        "agents", machine, {"switches": switches, "ports": ports, "agent_kb": agent_kb, **costs}
    )


def _measure_agent_kb(agents: AgentSimulation) -> float:
    items = agents.list_items(AGENT)
    return round(len(json.dumps(items)) / len(items) / 1e3, 1)


if __name__ == "__main__":
    typer.run(main)
