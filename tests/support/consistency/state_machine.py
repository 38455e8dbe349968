"""Random sequences of what may happen to a fabric, each followed by the question whether all is one truth."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.consistency.environment import TOO_SHORT, ConsistencyEnvironment, EventLoop
from tests.support.system.installation import Fabric

FABRIC: Final = st.integers(0, 1)
EDITS: Final = st.one_of(
    st.fixed_dictionaries({"hh_sync_enabled": st.booleans()}),
    st.fixed_dictionaries({"hh_sync_interval": st.sampled_from([None, 0, TOO_SHORT, 5, 7, 3600])}),
    st.fixed_dictionaries(
        {"hh_paused": st.sampled_from([True, False, None]), "hh_pause_reason": st.just("a rest")}
    ),
)
SOURCES: Final = st.sampled_from(
    [
        {"hh_kubernetes_server": None},
        {"hh_kubernetes_server": "https://127.0.0.1:99999"},
        {"hh_git_repository": None},
        {"hh_git_branch": "no-such-branch"},
    ]
)
MESSAGES: Final = st.sampled_from(
    [
        ("pause", ["by a message"]),
        ("resume", []),
        ("set_interval", [5]),
        ("set_interval", [0]),
        ("set_interval", [3600]),
        ("set_interval", ["soon"]),
        ("sync_now", [True]),
        ("sync_now", []),
    ]
)
FAILURES: Final = st.sampled_from(
    [
        ConsistencyEnvironment.kubernetes_fails,
        ConsistencyEnvironment.kubernetes_is_back,
        ConsistencyEnvironment.git_goes,
        ConsistencyEnvironment.git_is_back,
        ConsistencyEnvironment.drift_comes,
        ConsistencyEnvironment.drift_goes,
    ]
)


class ConsistencyMachine(RuleBasedStateMachine):
    """Each step happens, and then all must agree."""

    loop: ClassVar[EventLoop]
    world: ClassVar[ConsistencyEnvironment]

    def _do(self, what: Callable[..., Any], *arguments: object, **named: object) -> None:
        said = [
            a.fabric_id if isinstance(a, Fabric) else a for a in arguments if a is not self.world
        ]
        print(what.__name__, *said, named or "")  # a sequence may fail only once
        self.loop.run(what(*arguments, **named))
        self.loop.run(self.world.settled())

    def _fabric(self, number: int) -> Fabric:
        return self.world.fabrics[number]

    @initialize()
    def begin(self) -> None:
        print("-- a new sequence")
        self.loop.run(self.world.begin())

    @rule(number=FABRIC, fields=EDITS)
    def edit(self, number: int, fields: dict[str, object]) -> None:
        self._do(self.world.record_is_edited, self._fabric(number), fields)

    @rule(number=FABRIC, fields=SOURCES)
    def edit_sources(self, number: int, fields: dict[str, object]) -> None:
        self._do(self.world.record_is_edited, self._fabric(number), fields)

    @rule(number=FABRIC)
    def restore_sources(self, number: int) -> None:
        fabric = self._fabric(number)
        fields = {
            "hh_kubernetes_server": fabric.api.server,
            "hh_git_repository": fabric.repository.url,
            "hh_git_branch": None,
        }
        self._do(self.world.record_is_edited, fabric, fields)

    @rule(number=FABRIC, status=st.sampled_from(["active", "planned"]))
    def set_status(self, number: int, status: str) -> None:
        self._do(self.world.record_is_changed, self._fabric(number), status=status)

    @rule(number=FABRIC, name=st.sampled_from(["Berlin", "Bönn / 1"]))
    def rename(self, number: int, name: str) -> None:
        self._do(self.world.record_is_changed, self._fabric(number), name=f"{name} ({number})")

    @rule(number=FABRIC, at_once=st.booleans())
    def recreate(self, number: int, at_once: bool) -> None:
        self._do(self.world.record_is_recreated, self._fabric(number), at_once=at_once)

    @rule(number=FABRIC, message=MESSAGES)
    def signal(self, number: int, message: tuple[str, list[object]]) -> None:
        self._do(self.world.signal_comes, self._fabric(number), *message)

    @rule(number=FABRIC, message=MESSAGES)
    def update(self, number: int, message: tuple[str, list[object]]) -> None:
        self._do(self.world.update_comes, self._fabric(number), *message)

    @rule(number=FABRIC, failure=FAILURES)
    def fail_or_heal(self, number: int, failure: Callable[..., Any]) -> None:
        self._do(failure, self.world, self._fabric(number))

    @rule(number=FABRIC, meanwhile=st.sampled_from(["pause", "resume", "sync_now"]))
    def netbox_outage(self, number: int, meanwhile: str) -> None:
        self._do(self.world.netbox_is_away, self._fabric(number), meanwhile)

    @rule(number=FABRIC)
    def terminate_loop(self, number: int) -> None:
        self._do(self.world.loop_is_terminated, self._fabric(number))

    @rule()
    def terminate_fleet(self) -> None:
        self._do(self.world.fleet_is_terminated)

    @rule()
    def kill_worker(self) -> None:
        self._do(self.world.worker_is_killed)

    def teardown(self) -> None:
        self.loop.run(self.world.end())


def check(loop: EventLoop, world: ConsistencyEnvironment, *, sequences: int, steps: int) -> None:
    """Run so many sequences of at most so many steps. One that fails is printed, with what repeats it."""
    ConsistencyMachine.loop, ConsistencyMachine.world = loop, world
    run_state_machine_as_test(
        ConsistencyMachine,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=steps,
            print_blob=True,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
