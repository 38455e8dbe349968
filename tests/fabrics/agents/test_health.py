"""The health of a fabric: stuck, silent, and what is neither."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fabrics.agents.ages import IN_THE_FUTURE, parse_age
from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health import AgentsReading, assess_health
from fabrics.agents.health_report import FabricDevices, Health, HealthFindingType, HealthReport
from fabrics.agents.state import AgentsState
from fabrics.agents.table import AgentListing, AgentReading
from tests.support.agents.tables import print_age

START = datetime(2026, 11, 28, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LEAF = FabricDevices(frozenset({"leaf-01"}))


def agent(
    name: str = "leaf-01",
    *,
    generation: int = 5,
    applied_generation: int | None = 5,
    attempted_generation: int | None = 5,
    heartbeat_age: float | None = 12,
    attempt_age: float | None = 86_400,
    reboot_required: bool = False,
) -> AgentReading:
    """Return a healthy agent, except for the values given; ages are in seconds."""
    return AgentReading(
        name=name,
        generation=generation,
        applied_generation=applied_generation,
        attempted_generation=attempted_generation,
        heartbeat_age=None if heartbeat_age is None else parse_age(print_age(heartbeat_age)),
        attempt_age=None if attempt_age is None else parse_age(print_age(attempt_age)),
        reboot_required=reboot_required,
    )


class Fabric:
    """A fabric whose agents are read again and again."""

    def __init__(self, devices: FabricDevices = LEAF) -> None:
        self.devices = devices
        self.state = AgentsState()
        self.now = START
        self.silent: frozenset[str] = frozenset()

    def read(
        self,
        *agents: AgentReading,
        gateways: Iterable[AgentReading] = (),
        after: timedelta = timedelta(),
    ) -> HealthReport:
        """Read these agents once, some time after the last reading."""
        return self.receive(
            AgentListing({reading.name: reading for reading in agents}),
            AgentListing({reading.name: reading for reading in gateways}),
            after,
        )

    def receive(
        self, agents: AgentListing, gateways: AgentListing, after: timedelta = timedelta()
    ) -> HealthReport:
        self.now += after
        reading = AgentsReading(self.now, agents, gateways)
        self.state, report, self.silent = assess_health(
            AgentsState.model_validate_json(self.state.model_dump_json()), reading, self.devices
        )
        return report


def types(report: HealthReport) -> list[str]:
    return [finding.type.value for finding in report.findings]


def test_applied_and_heard_is_healthy_and_needs_no_state() -> None:
    fabric = Fabric()
    report = fabric.read(agent())
    assert report.health == Health.HEALTHY
    assert report.message == "All devices have applied the last change and report (1 switches)."
    assert fabric.state == AgentsState()


def test_behind_is_progressing_and_after_five_minutes_stuck() -> None:
    fabric = Fabric()
    behind = agent(generation=6)

    assert fabric.read(behind).health == Health.PROGRESSING
    assert fabric.read(behind, after=5 * MINUTE).health == Health.PROGRESSING
    report = fabric.read(behind, after=SECOND)

    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 1 devices did not apply the last change in time: leaf-01 (generation 5 instead of 6 since"
        " 2026-11-28 10:00 UTC). The log of the agent there says why."
    )
    assert fabric.read(agent(generation=6, applied_generation=6)).health == Health.HEALTHY
    assert fabric.state == AgentsState()


def test_stuck_switch_is_degraded_within_two_health_intervals() -> None:
    fabric, behind = Fabric(), agent(generation=6)
    fabric.read(behind)
    fabric.read(behind, after=5 * MINUTE)
    assert fabric.read(behind, after=5 * MINUTE).health == Health.DEGRADED


def test_limit_of_stuck_is_a_setting() -> None:
    listing = AgentListing({"leaf-01": agent(generation=6)})
    state, health = AgentsState(), []
    for seconds in (0, 60, 61):
        reading = AgentsReading(START + seconds * SECOND, listing, AgentListing())
        state, report, _ = assess_health(state, reading, LEAF, stuck_after=MINUTE)
        health.append(report.health)
    assert health == [Health.PROGRESSING, Health.PROGRESSING, Health.DEGRADED]


def test_further_change_does_not_make_a_stuck_switch_wait_anew() -> None:
    fabric = Fabric()
    for generation in range(6, 12):
        report = fabric.read(agent(generation=generation), after=MINUTE)
    assert report.health == Health.PROGRESSING
    assert fabric.read(agent(generation=12), after=MINUTE).health == Health.DEGRADED


def test_progress_makes_a_switch_that_is_behind_wait_anew() -> None:
    fabric = Fabric()
    fabric.read(agent(generation=7))
    report = fabric.read(agent(generation=7, applied_generation=6), after=6 * MINUTE)
    assert report.health == Health.PROGRESSING


def test_crash_loop_with_a_wrong_clock_is_stuck() -> None:
    """Each start reports the old generation as just attempted and applied."""
    fabric = Fabric()
    attempting = agent(generation=6, attempted_generation=6, attempt_age=-5, heartbeat_age=-40)
    restarted = agent(generation=6, attempted_generation=5, attempt_age=-3, heartbeat_age=-3)
    for reading in (attempting, restarted) * 3:
        report = fabric.read(reading, after=MINUTE)
        assert report.health == Health.PROGRESSING
    assert fabric.read(attempting, after=MINUTE).health == Health.DEGRADED
    assert types(fabric.read(restarted, after=MINUTE)) == ["stuck"]


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


def test_switch_without_agent_has_never_reported() -> None:
    report = Fabric().read()
    assert (report.health, types(report)) == (Health.PROGRESSING, ["never_reported"])


def test_agents_without_switch_are_ignored() -> None:
    fabric = Fabric()
    report = fabric.read(agent(), agent("elsewhere", generation=9, reboot_required=True))
    assert report.health == Health.HEALTHY
    assert fabric.state == AgentsState()


def test_same_heartbeat_for_more_than_three_minutes_is_silence() -> None:
    fabric = Fabric()
    assert fabric.read(agent(heartbeat_age=70)).health == Health.HEALTHY
    assert fabric.read(agent(heartbeat_age=250), after=180 * SECOND).health == Health.HEALTHY
    report = fabric.read(agent(heartbeat_age=251), after=SECOND)
    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 1 devices sent no heartbeat for 3 minutes or more: leaf-01 (since 2026-11-28 10:00 UTC). Check"
        " power, management network and agent there."
    )
    assert fabric.read(agent(), after=5 * MINUTE).health == Health.HEALTHY
    assert fabric.state == AgentsState()


@pytest.mark.parametrize(
    "skew", [120, 9 * 60 + 50, 7200, 8 * 3600 - 60, 3 * 86_400, 56 * 31_536_000]
)
@pytest.mark.parametrize("interval", [30, 180, 300])
def test_advancing_heartbeat_of_a_slow_clock_is_never_silent(skew: int, interval: int) -> None:
    fabric = Fabric()
    for count in range(400):
        age = skew + (count * interval + 7) % 15
        report = fabric.read(agent(heartbeat_age=age), after=interval * SECOND)
        assert report.health == Health.HEALTHY


@pytest.mark.parametrize("skew", [-86_400, -300, -2])
def test_fast_clock_is_never_silent_while_it_is_ahead(skew: int) -> None:
    fabric = Fabric()
    for _ in range(5):
        assert fabric.read(agent(heartbeat_age=skew), after=5 * MINUTE).health == Health.HEALTHY
    assert fabric.state == AgentsState()
    assert agent(heartbeat_age=skew).heartbeat_age == IN_THE_FUTURE


@pytest.mark.parametrize(
    ("skew", "minutes"), [(0, 10), (9 * 60, 10), (2 * 3600, 10), (9 * 3600, 125), (-600, 20)]
)
def test_dead_switch_is_silent_whatever_its_clock(skew: int, minutes: int) -> None:
    """The coarser the age that the API prints, the longer it takes."""
    fabric = Fabric()
    fabric.read(agent(heartbeat_age=skew + 10))
    elapsed = 10
    while (
        fabric.read(agent(heartbeat_age=skew + elapsed), after=5 * MINUTE).health == Health.HEALTHY
    ):
        elapsed += 300
        assert elapsed <= minutes * 60 + 10
    assert types(fabric.read(agent(heartbeat_age=skew + elapsed))) == ["silent"]


@pytest.mark.parametrize("jump", [-3600, -600, 120, 480, 600, 86_400])
def test_jump_of_a_clock_is_no_silence(jump: int) -> None:
    fabric = Fabric()
    fabric.read(agent(heartbeat_age=700))
    for _ in range(3):
        report = fabric.read(agent(heartbeat_age=700 + jump), after=5 * MINUTE)
        assert report.health == Health.HEALTHY


def test_ten_minutes_of_apply_are_not_silence() -> None:
    fabric = Fabric()
    for minute in range(15):
        applying = agent(
            generation=6,
            attempted_generation=6,
            attempt_age=minute * 60,
            heartbeat_age=minute * 60 + 8,
        )
        assert "silent" not in types(fabric.read(applying, after=MINUTE))


def test_apply_of_a_switch_with_a_slow_clock_is_not_silence() -> None:
    fabric = Fabric()
    for minute in range(15):
        applying = agent(
            generation=6,
            attempted_generation=6,
            attempt_age=7200 + minute * 60,
            heartbeat_age=7200 + minute * 60 + 8,
        )
        assert "silent" not in types(fabric.read(applying, after=MINUTE))


def test_attempt_explains_silence_for_a_quarter_of_an_hour() -> None:
    fabric = Fabric()
    reports = [
        types(fabric.read(agent(heartbeat_age=age, attempt_age=age - 5), after=5 * MINUTE))
        for age in (100, 400, 700, 1000, 1300)
    ]
    assert reports == [[], [], [], [], ["silent"]]


def test_attempt_at_an_old_generation_explains_nothing() -> None:
    fabric = Fabric()
    old = agent(generation=6, attempted_generation=5, heartbeat_age=100, attempt_age=50)
    fabric.read(old)
    later = replace(old, heartbeat_age=parse_age("6m40s"), attempt_age=parse_age("5m50s"))
    assert "silent" in types(fabric.read(later, after=5 * MINUTE))


def test_gateway_without_heartbeat_is_never_silent() -> None:
    fabric = Fabric(FabricDevices(frozenset(), frozenset({"gateway-1"})))
    gateway = agent("gateway-1", heartbeat_age=None, attempt_age=None, attempted_generation=None)
    for _ in range(3):
        assert fabric.read(gateways=[gateway], after=60 * MINUTE).health == Health.HEALTHY


def test_gateway_can_be_stuck() -> None:
    fabric = Fabric(FabricDevices(frozenset({"x"}), frozenset({"x"})))
    for _ in range(3):
        report = fabric.read(agent("x"), gateways=[agent("x", generation=6)], after=5 * MINUTE)
    assert (report.health, types(report)) == (Health.DEGRADED, ["stuck"])


def test_reboot_and_wrong_breakout_degrade_a_fabric() -> None:
    fabric = Fabric()
    assert types(fabric.read(agent(reboot_required=True))) == ["reboot_required"]
    fabric.state = fabric.state.with_breakouts(
        [BreakoutMismatch("leaf-01", f"E1/{port}", "4x25G", "1x100G") for port in (5, 6)]
    )
    report = fabric.read(agent())
    assert report.health == Health.DEGRADED
    assert report.message == (
        "1 of 1 devices did not change a breakout: leaf-01 (E1/5 is 1x100G instead of 4x25G)."
    )


@pytest.mark.parametrize(
    "problem", ["The Kubernetes API does not let ...: bind deploy/clusterrole-health.yaml to it."]
)
def test_failed_reading_is_unknown_and_changes_no_state(problem: str) -> None:
    fabric = Fabric()
    fabric.read(agent(generation=6, heartbeat_age=100))
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
    assert report.message.startswith("Not allowed. 1 of 2 devices must be rebooted")


def test_unreadable_agent_makes_health_unknown_and_keeps_its_state() -> None:
    fabric = Fabric()
    fabric.read(agent(generation=6))
    state = fabric.state
    report = fabric.receive(AgentListing(unreadable=("leaf-01", "elsewhere")), AgentListing())
    assert (report.health, report.counts) == (
        Health.UNKNOWN,
        {HealthFindingType.UNREADABLE: 1},
    )
    assert fabric.state == state


def test_report_counts_all_devices_and_names_ten_the_worst_first() -> None:
    names = [f"leaf-{number:02}" for number in range(1, 41)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    agents = [agent(name, generation=6) for name in names]
    report = fabric.read(*agents[:-1], agent("leaf-40", reboot_required=True))

    assert report.counts == {
        HealthFindingType.REBOOT_REQUIRED: 1,
        HealthFindingType.APPLYING: 39,
    }
    assert [finding.device for finding in report.findings] == ["leaf-40", *names[:9]]
    assert "leaf-40. 39 of 40 devices still have to apply" in report.message
    assert ", 30 more." in report.message


def test_message_stays_the_same_while_nothing_changes() -> None:
    fabric = Fabric()
    messages = {
        fabric.read(agent(generation=6, heartbeat_age=100 + 300 * count), after=5 * MINUTE).message
        for count in range(3, 20)
    }
    assert len(messages) == 3  # still applying; silent as well; stuck and silent from then on


def test_fabric_without_devices_is_unknown() -> None:
    assert Fabric(FabricDevices(frozenset())).read().health == Health.UNKNOWN


def test_state_of_three_hundred_troubled_switches_is_small() -> None:
    names = [f"leaf-{number:03}" for number in range(300)]
    fabric = Fabric(FabricDevices(frozenset(names)))
    fabric.read(*(agent(name, generation=6, heartbeat_age=50_000) for name in names))
    assert len(fabric.state.model_dump_json()) < 14_000
