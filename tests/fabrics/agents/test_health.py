"""The health of a fabric: stuck, silent, and what is neither."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health import AgentsReading, assess_health, select_own
from fabrics.agents.health_report import MAX_MESSAGE_CHARS, FabricDevices, Health, HealthReport
from fabrics.agents.heartbeat import Heartbeat
from fabrics.agents.state import (
    MAX_HEARTBEATS_READ,
    MAX_MEMORY_BYTES,
    AgentMemory,
    AgentsState,
    BehindAgent,
)
from fabrics.agents.table import AgentListing, AgentReading

START = datetime(2026, 11, 28, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LEAF = FabricDevices(frozenset({"leaf-01"}))
GATEWAY = FabricDevices(frozenset(), frozenset({"gateway-1"}))
FRAGMENTS = {
    "stuck": "did not apply",
    "silent": "sent no heartbeat",
    "reboot_required": "must be rebooted",
    "wrong_breakout": "did not change a breakout",
    "unreadable": "reported values",
    "applying": "have not yet applied",
    "never_reported": "never reported",
}


def agent(
    name: str = "leaf-01",
    *,
    generation: int = 5,
    applied_generation: int | None = 5,
    is_heard: bool = True,
    reboot_required: bool = False,
) -> AgentReading:
    """Return a healthy agent, except for the values given."""
    return AgentReading(
        name=name,
        generation=generation,
        applied_generation=applied_generation,
        has_reported=True,
        is_heard=is_heard,
        reboot_required=reboot_required,
    )


class Fabric:
    """A fabric whose agents are read again and again.

    `heartbeats` are what single agents say when they are read by themselves.
    """

    def __init__(self, devices: FabricDevices = LEAF) -> None:
        self.devices = devices
        self.state = AgentsState()
        self.now = START
        self.heartbeats: dict[str, Heartbeat | None] = {}
        self.read_singly: list[str] = []

    def read(
        self,
        *agents: AgentReading,
        gateways: Iterable[AgentReading] = (),
        after: timedelta = timedelta(),
    ) -> HealthReport:
        """Read these agents once, some time after the last reading."""
        self.read_singly = []
        return self.receive(
            self.list_agents(self.state.switches, self.devices.switches, agents),
            self.list_agents(self.state.gateways, self.devices.gateways, gateways),
            after,
        )

    def list_agents(
        self, memory: AgentMemory, names: AbstractSet[str], agents: Iterable[AgentReading]
    ) -> AgentListing:
        listing = AgentListing({reading.name: reading for reading in agents})
        chosen = memory.choose_unclear(select_own(listing, names))
        self.read_singly += chosen
        heartbeats = {name: self.heartbeats[name] for name in chosen if name in self.heartbeats}
        return replace(listing, heartbeats=heartbeats)

    def receive(
        self, agents: AgentListing, gateways: AgentListing, after: timedelta = timedelta()
    ) -> HealthReport:
        self.now += after
        reading = AgentsReading(self.now, agents, gateways)
        state = AgentsState.model_validate_json(self.state.model_dump_json())
        assessment = assess_health(state, reading, self.devices, stuck_after=5 * MINUTE)
        self.state = assessment.agents
        return assessment.report


def types(report: HealthReport) -> list[str]:
    """Return the types of findings in the order of the message."""
    found = {name: report.message.find(text) for name, text in FRAGMENTS.items()}
    return sorted((name for name in found if found[name] >= 0), key=found.__getitem__)


def test_applied_and_heard_is_healthy_and_needs_no_state() -> None:
    fabric = Fabric()
    report = fabric.read(agent())
    assert report.health == Health.HEALTHY
    assert report.message == "All devices have applied the last change and report (switches: 1)."
    assert fabric.state == AgentsState()
    assert not fabric.read_singly


def test_behind_is_progressing_and_after_five_minutes_stuck() -> None:
    fabric = Fabric()
    behind = agent(generation=6)

    assert fabric.read(behind).health == Health.PROGRESSING
    assert fabric.read(behind, after=297 * SECOND).health == Health.PROGRESSING
    report = fabric.read(behind, after=3 * SECOND)

    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 1 devices did not apply the last change in time: leaf-01 (generation 5 instead of 6 since"
        " 2026-11-28 10:00 UTC). Read the log of the agent there."
    )
    assert fabric.read(agent(generation=6, applied_generation=6)).health == Health.HEALTHY
    assert fabric.state == AgentsState()


def test_reading_that_comes_a_little_sooner_than_the_limit_counts() -> None:
    fabric, behind = Fabric(), agent(generation=6)
    fabric.read(behind)
    assert types(fabric.read(behind, after=timedelta(seconds=299.4))) == ["stuck"]


def test_limit_of_stuck_is_a_setting() -> None:
    listing = AgentListing({"leaf-01": agent(generation=6)})
    state, health = AgentsState(), []
    for seconds in (0, 57, 60):
        reading = AgentsReading(START + seconds * SECOND, listing, AgentListing())
        assessment = assess_health(state, reading, LEAF, stuck_after=MINUTE)
        state = assessment.agents
        health.append(assessment.report.health)
    assert health == [Health.PROGRESSING, Health.PROGRESSING, Health.DEGRADED]


def test_further_change_does_not_make_a_stuck_switch_wait_anew() -> None:
    fabric = Fabric()
    for generation in range(6, 11):
        report = fabric.read(agent(generation=generation), after=MINUTE)
    assert report.health == Health.PROGRESSING
    assert fabric.read(agent(generation=11), after=MINUTE).health == Health.DEGRADED


def test_progress_makes_a_switch_that_is_behind_wait_anew() -> None:
    fabric = Fabric()
    fabric.read(agent(generation=7))
    report = fabric.read(agent(generation=7, applied_generation=6), after=6 * MINUTE)
    assert report.health == Health.PROGRESSING


def test_crash_loop_that_repeats_its_progress_is_stuck() -> None:
    fabric = Fabric()
    for applied in (4, 5, 4, 5, 4, 5, 4, 5):
        report = fabric.read(agent(generation=6, applied_generation=applied), after=MINUTE)
    assert types(report) == ["stuck"]


def test_agent_that_was_made_anew_waits_anew() -> None:
    fabric = Fabric()
    fabric.read(agent(generation=9, applied_generation=8))
    report = fabric.read(agent(generation=3, applied_generation=2), after=6 * MINUTE)
    assert types(report) == ["applying"]


def test_fabric_that_waits_for_a_first_status_is_progressing_for_ever() -> None:
    fabric = Fabric()
    silent = AgentReading("leaf-01", generation=1)
    for _ in range(3):
        report = fabric.read(silent, after=60 * MINUTE)
        assert (report.health, types(report)) == (Health.PROGRESSING, ["never_reported"])
    assert fabric.state == AgentsState()
    assert not fabric.read_singly


def test_first_apply_that_never_succeeds_is_stuck() -> None:
    fabric, never_applied = Fabric(), agent(generation=1, applied_generation=None)
    fabric.read(never_applied)
    assert types(fabric.read(never_applied, after=5 * MINUTE)) == ["stuck"]


def test_switch_without_agent_has_never_reported() -> None:
    report = Fabric().read()
    assert (report.health, types(report)) == (Health.PROGRESSING, ["never_reported"])


def test_agents_without_switch_are_ignored() -> None:
    fabric = Fabric()
    other = agent("elsewhere", generation=9, reboot_required=True, is_heard=False)
    assert fabric.read(agent(), other).health == Health.HEALTHY
    assert fabric.state == AgentsState()
    assert not fabric.read_singly


@pytest.mark.parametrize("sent_at", [0, int(START.timestamp()), 4_000_000_000])
def test_same_heartbeat_in_two_readings_three_minutes_apart_is_silence(sent_at: int) -> None:
    """Also of a switch that was silent before, whatever its clock says."""
    fabric, unheard = Fabric(), agent(is_heard=False)
    fabric.heartbeats["leaf-01"] = Heartbeat(sent_at)
    assert fabric.read(unheard).health == Health.HEALTHY
    assert fabric.read(unheard, after=179 * SECOND).health == Health.HEALTHY
    report = fabric.read(unheard, after=SECOND)
    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 1 devices sent no heartbeat for 3 minutes or more: leaf-01 (since 2026-11-28 10:00 UTC). Check"
        " the power, the management network and the agent there."
    )
    fabric.heartbeats["leaf-01"] = Heartbeat(sent_at + 400)
    assert fabric.read(agent(), after=5 * MINUTE).health == Health.HEALTHY
    assert fabric.state == AgentsState()


def test_advancing_heartbeat_of_a_wrong_clock_is_never_silent() -> None:
    fabric = Fabric()
    for count in range(5):
        fabric.heartbeats["leaf-01"] = Heartbeat(count)
        report = fabric.read(agent(is_heard=False), after=60 * MINUTE)
        assert report.health == Health.HEALTHY


def test_dead_switch_is_silent_while_its_clock_was_ahead_by_the_age_of_its_heartbeat() -> None:
    """The age that the API prints passes through the ages of a living agent."""
    fabric = Fabric()
    fabric.heartbeats["leaf-01"] = Heartbeat(7)
    fabric.read(agent(is_heard=False))
    fabric.read(agent(is_heard=False), after=5 * MINUTE)
    assert types(fabric.read(agent(is_heard=True), after=5 * MINUTE)) == ["silent"]
    assert types(fabric.read(agent(is_heard=False), after=5 * MINUTE)) == ["silent"]


def test_ten_minutes_of_apply_are_not_silence() -> None:
    fabric = Fabric()
    fabric.heartbeats["leaf-01"] = Heartbeat(1000, attempt_age=-5)
    for _ in range(15):
        applying = agent(generation=6, is_heard=False)
        assert "silent" not in types(fabric.read(applying, after=MINUTE))
    fabric.heartbeats["leaf-01"] = Heartbeat(1605, attempt_age=600)
    assert types(fabric.read(agent(generation=6, applied_generation=6), after=MINUTE)) == []


def test_attempt_explains_silence_for_a_quarter_of_an_hour() -> None:
    fabric = Fabric()
    fabric.heartbeats["leaf-01"] = Heartbeat(1000, attempt_age=120)
    reports = [types(fabric.read(agent(is_heard=False), after=5 * MINUTE)) for _ in range(4)]
    assert reports == [[], [], [], ["silent"]]


def test_agents_that_vanish_while_they_are_read_keep_their_memory() -> None:
    fabric = Fabric()
    fabric.heartbeats["leaf-01"] = Heartbeat(7)
    for _ in range(2):
        fabric.read(agent(is_heard=False), after=5 * MINUTE)
    fabric.heartbeats.clear()
    assert types(fabric.read(agent(is_heard=False), after=5 * MINUTE)) == ["silent"]


def test_agents_that_were_not_read_for_the_longest_time_are_read_first() -> None:
    names = [f"leaf-{number:03}" for number in range(MAX_HEARTBEATS_READ + 20)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    fabric.heartbeats = {name: Heartbeat(7) for name in names}
    unheard = [agent(name, is_heard=False) for name in names]
    fabric.read(*unheard, after=5 * MINUTE)
    first = set(fabric.read_singly)
    assert len(first) == MAX_HEARTBEATS_READ
    fabric.read(*unheard, after=5 * MINUTE)
    assert set(names) - first <= set(fabric.read_singly)
    assert types(fabric.read(*unheard, after=5 * MINUTE)) == ["silent"]


def test_gateway_without_heartbeat_is_never_silent() -> None:
    fabric = Fabric(GATEWAY)
    fabric.heartbeats["gateway-1"] = None
    gateway = agent("gateway-1", is_heard=False)
    for _ in range(3):
        assert fabric.read(gateways=[gateway], after=60 * MINUTE).health == Health.HEALTHY
        assert fabric.read_singly == ["gateway-1"]


def test_gateway_with_heartbeat_can_be_silent() -> None:
    fabric = Fabric(GATEWAY)
    fabric.heartbeats["gateway-1"] = Heartbeat(7)
    reports = [
        types(fabric.read(gateways=[agent("gateway-1", is_heard=False)], after=5 * MINUTE))
        for _ in range(2)
    ]
    assert reports == [[], ["silent"]]


def test_gateway_can_be_stuck() -> None:
    fabric = Fabric(FabricDevices(frozenset({"x"}), frozenset({"x"})))
    for _ in range(3):
        report = fabric.read(agent("x"), gateways=[agent("x", generation=6)], after=5 * MINUTE)
    assert (report.health, types(report)) == (Health.DEGRADED, ["stuck"])


def test_reboot_and_wrong_breakout_degrade_a_fabric() -> None:
    fabric = Fabric()
    assert types(fabric.read(agent(reboot_required=True))) == ["reboot_required"]
    mismatches = [BreakoutMismatch("leaf-01", f"E1/{port}", "4x25G", "1x100G") for port in (5, 6)]
    fabric.state = fabric.state.with_breakouts(mismatches).with_breakouts(mismatches)
    report = fabric.read(agent())
    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 1 devices did not change a breakout: leaf-01 (E1/5 is 1x100G instead of 4x25G). Read the log of"
        " the agent there; a switch with RoCE cannot change breakouts."
    )


def test_breakout_that_differs_in_one_reading_only_is_no_finding() -> None:
    fabric = Fabric()
    mismatch = BreakoutMismatch("leaf-01", "E1/5", "4x25G", "1x100G")
    fabric.state = fabric.state.with_breakouts([mismatch])
    assert fabric.read(agent()).health == Health.HEALTHY
    fabric.state = fabric.state.with_breakouts([]).with_breakouts([mismatch])
    assert fabric.read(agent()).health == Health.HEALTHY


@pytest.mark.parametrize(
    "problem", ["The Kubernetes API does not let ...: bind deploy/clusterrole-health.yaml to it."]
)
def test_failed_reading_is_unknown_and_changes_no_state(problem: str) -> None:
    fabric = Fabric()
    fabric.heartbeats["leaf-01"] = Heartbeat(7)
    fabric.read(agent(generation=6, is_heard=False))
    state = fabric.state
    report = fabric.receive(AgentListing(problem=problem), AgentListing(), after=60 * MINUTE)
    assert (report.health, report.message) == (Health.UNKNOWN, problem)
    assert fabric.state == state
    assert "stuck" in types(fabric.read(agent(generation=6)))


def test_problem_with_gateways_matters_only_where_there_are_any() -> None:
    switches, gateways = AgentListing({"leaf-01": agent()}), AgentListing(problem="Not allowed.")
    assert Fabric().receive(switches, gateways).health == Health.HEALTHY
    both = Fabric(FabricDevices(frozenset({"leaf-01"}), frozenset({"gateway-1"})))
    assert both.receive(switches, gateways).health == Health.UNKNOWN


def test_known_trouble_counts_more_than_what_is_unknown() -> None:
    both = Fabric(FabricDevices(frozenset({"leaf-01"}), frozenset({"gateway-1"})))
    switches = AgentListing({"leaf-01": agent(reboot_required=True)})
    report = both.receive(switches, AgentListing(problem="Not allowed."))
    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 2 devices must be rebooted before the last change takes effect: leaf-01. Not allowed."
    )


def test_unreadable_agent_makes_health_unknown_and_keeps_its_state() -> None:
    fabric = Fabric()
    fabric.heartbeats["leaf-01"] = Heartbeat(7)
    fabric.read(agent(generation=6, is_heard=False))
    state = fabric.state
    unreadable = AgentListing(unreadable=("leaf-01", "elsewhere"))
    report = fabric.receive(unreadable, AgentListing())
    assert (report.health, types(report)) == (Health.UNKNOWN, ["unreadable"])
    assert report.message.startswith("1 of 1 devices")
    assert fabric.state == state


def test_message_counts_all_devices_and_names_the_first_ones_the_worst_first() -> None:
    names = [f"leaf-{number:02}" for number in range(1, 41)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    agents = [AgentReading(name, generation=1) for name in names]
    report = fabric.read(*agents[:-1], agent("leaf-40", reboot_required=True))
    assert report.message == (
        "1 of 40 devices must be rebooted before the last change takes effect: leaf-40. 39 of 40 devices never"
        f" reported: {', '.join(names[:9])}, 30 more. Check that the agent is installed there and reaches the API."
    )


def test_names_from_a_hostile_api_stay_on_one_printable_line() -> None:
    names = frozenset({"leaf\n- Error: forged", "leaf\0\x1b[2K"})
    message = Fabric(FabricDevices(names)).read().message
    assert message.startswith("2 of 2 devices never reported: leaf??[2K, leaf?- Error: forged.")
    assert message.isprintable()


@pytest.mark.parametrize("name_length", [7, 63, 120])
def test_no_sentence_of_a_degraded_fabric_is_cut(name_length: int) -> None:
    names = [f"{number:03}".rjust(name_length, "x") for number in range(60)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    behind = [agent(name, generation=6) for name in names[:20]]
    rebooting = [agent(name, reboot_required=True) for name in names[20:40]]
    new = [AgentReading(name, generation=1) for name in names[40:]]
    fabric.read(*behind, *rebooting, *new)
    report = fabric.read(*behind, *rebooting, *new, after=5 * MINUTE)
    assert types(report) == ["stuck", "reboot_required", "never_reported"]
    assert len(report.message) <= MAX_MESSAGE_CHARS


def test_message_stays_the_same_while_nothing_changes() -> None:
    fabric, unheard = Fabric(), agent(generation=6, is_heard=False)
    fabric.heartbeats["leaf-01"] = Heartbeat(7)
    messages = [fabric.read(unheard, after=5 * MINUTE).message for _ in range(20)]
    assert len(set(messages)) == 2  # at first still applying, then stuck and silent


def test_fabric_without_devices_is_unknown() -> None:
    assert Fabric(FabricDevices(frozenset())).read().health == Health.UNKNOWN


@pytest.mark.parametrize("prefix", ["leaf-", "a-name-that-is-as-long-as-kubernetes-allows-" * 5])
def test_state_of_a_thousand_troubled_switches_is_bounded(prefix: str) -> None:
    names = [f"{prefix}{number:04}" for number in range(1000)]
    fabric = Fabric(FabricDevices(frozenset(names), frozenset(names)))
    fabric.heartbeats = {name: Heartbeat(1_764_000_000) for name in names}
    unheard = [agent(name, generation=6, is_heard=False) for name in names]
    for _ in range(20):
        report = fabric.read(*unheard, gateways=unheard, after=5 * MINUTE)
    assert report.health is Health.DEGRADED
    assert len(fabric.state.model_dump_json()) < MAX_MEMORY_BYTES + 300


def test_agents_that_are_behind_for_the_longest_time_are_remembered() -> None:
    names = [f"leaf-{number:04}" for number in range(1000)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    others = [agent(name) for name in names[:-1]]
    fabric.read(*others, agent(names[-1], generation=6))
    fabric.read(*(agent(name, generation=6) for name in names), after=MINUTE)
    behind = fabric.state.switches.behind
    assert behind[names[-1]] == BehindAgent(int(START.timestamp()), 5)
    assert len(behind) < 1000


def test_more_wrong_clocks_than_can_be_remembered_make_silence_unknown() -> None:
    names = [f"leaf-{number:04}" for number in range(1000)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    health = []
    for count in range(8):
        fabric.heartbeats = {name: Heartbeat(count) for name in names}
        unheard = (agent(name, is_heard=False) for name in names)
        report = fabric.read(*unheard, after=5 * MINUTE)
        health.append(report.health)
    assert (health[0], health[-1]) == (Health.HEALTHY, Health.UNKNOWN)
    assert "NTP" in report.message
