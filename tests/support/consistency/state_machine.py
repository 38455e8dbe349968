"""Random sequences of events; after each event, all views of a fabric must agree."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.consistency.environment import ConsistencyEnvironment, EventLoop
from tests.support.consistency.oracle import TOO_SHORT
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
        ConsistencyEnvironment.break_kubernetes,
        ConsistencyEnvironment.restore_kubernetes,
        ConsistencyEnvironment.remove_repository,
        ConsistencyEnvironment.restore_repository,
        ConsistencyEnvironment.cause_drift,
        ConsistencyEnvironment.remove_drift,
    ]
)


class ConsistencyMachine(RuleBasedStateMachine):
    """Runs each step, and then checks that all views agree."""

    loop: ClassVar[EventLoop]
    environment: ClassVar[ConsistencyEnvironment]

    def _run_step(self, event: Callable[..., Any], *arguments: object, **options: object) -> None:
        printed = [
            argument.fabric_id if isinstance(argument, Fabric) else argument
            for argument in arguments
            if argument is not self.environment
        ]
        print(event.__name__, *printed, options or "")  # a failure may not be reproducible
        self.loop.run(event(*arguments, **options))
        self.loop.run(self.environment.wait_until_consistent())

    def _fabric(self, number: int) -> Fabric:
        return self.environment.fabrics[number]

    @initialize()
    def begin(self) -> None:
        print("-- a new sequence")
        self.loop.run(self.environment.begin())

    @rule(number=FABRIC, fields=EDITS)
    def edit(self, number: int, fields: dict[str, object]) -> None:
        self._run_step(self.environment.edit_fields, self._fabric(number), fields)

    @rule(number=FABRIC, fields=SOURCES)
    def edit_sources(self, number: int, fields: dict[str, object]) -> None:
        self._run_step(self.environment.edit_fields, self._fabric(number), fields)

    @rule(number=FABRIC)
    def restore_sources(self, number: int) -> None:
        fabric = self._fabric(number)
        fields = {
            "hh_kubernetes_server": fabric.api.server,
            "hh_git_repository": fabric.repository.url,
            "hh_git_branch": None,
        }
        self._run_step(self.environment.edit_fields, fabric, fields)

    @rule(number=FABRIC, status=st.sampled_from(["active", "planned"]))
    def set_status(self, number: int, status: str) -> None:
        self._run_step(self.environment.edit_attributes, self._fabric(number), status=status)

    @rule(number=FABRIC, name=st.sampled_from(["Berlin", "Bönn / 1"]))
    def rename(self, number: int, name: str) -> None:
        self._run_step(
            self.environment.edit_attributes, self._fabric(number), name=f"{name} ({number})"
        )

    @rule(number=FABRIC, at_once=st.booleans())
    def recreate(self, number: int, at_once: bool) -> None:
        self._run_step(self.environment.recreate_record, self._fabric(number), at_once=at_once)

    @rule(number=FABRIC, message=MESSAGES)
    def signal(self, number: int, message: tuple[str, list[object]]) -> None:
        self._run_step(self.environment.send_signal, self._fabric(number), *message)

    @rule(number=FABRIC, message=MESSAGES)
    def update(self, number: int, message: tuple[str, list[object]]) -> None:
        self._run_step(self.environment.send_update, self._fabric(number), *message)

    @rule(number=FABRIC, failure=FAILURES)
    def fail_or_heal(self, number: int, failure: Callable[..., Any]) -> None:
        self._run_step(failure, self.environment, self._fabric(number))

    @rule(number=FABRIC, meanwhile=st.sampled_from(["pause", "resume", "sync_now"]))
    def netbox_outage(self, number: int, meanwhile: str) -> None:
        self._run_step(self.environment.interrupt_netbox, self._fabric(number), meanwhile)

    @rule(number=FABRIC)
    def terminate_loop(self, number: int) -> None:
        self._run_step(self.environment.terminate_loop, self._fabric(number))

    @rule()
    def terminate_fleet(self) -> None:
        self._run_step(self.environment.terminate_fleet)

    @rule()
    def kill_worker(self) -> None:
        self._run_step(self.environment.kill_worker)

    def teardown(self) -> None:
        self.loop.run(self.environment.end())


def check(
    loop: EventLoop, environment: ConsistencyEnvironment, *, sequences: int, steps: int
) -> None:
    """Run random sequences of up to `steps` steps; print a failed one with its blob."""
    ConsistencyMachine.loop, ConsistencyMachine.environment = loop, environment
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
