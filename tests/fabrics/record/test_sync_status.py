"""The status of a fabric, computed from its configuration and last state."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.sync_status import (
    ConnectionStatus,
    LastKnownState,
    Observation,
    SyncStatus,
    compute_sync_status,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KUBERNETES = KubernetesTarget(
    server="https://k8s.example", namespace="default", credential="berlin"
)
GIT = GitSource(
    repository="https://git.example/x.git", branch="main", directory="/", credential="berlin"
)
ENABLED = FabricConfig(
    fabric_id="berlin", name="Berlin", record_id=1, enabled=True, kubernetes=KUBERNETES, git=GIT
)
SYNCED = LastKnownState(last_sync=NOW, last_success=NOW, drift_count=0)

config_strategy = st.builds(
    FabricConfig,
    fabric_id=st.just("berlin"),
    name=st.just("Berlin"),
    record_id=st.just(1),
    active=st.booleans(),
    enabled=st.booleans(),
    interval=st.sampled_from([0, 60]),
    paused=st.booleans(),
    kubernetes=st.sampled_from([None, KUBERNETES]),
    git=st.sampled_from([None, GIT]),
    problems=st.sampled_from([(), ("hh_sync_interval is 3.",)]),
)
state_strategy = st.builds(
    LastKnownState,
    syncing=st.booleans(),
    last_sync=st.sampled_from([None, NOW]),
    error=st.sampled_from(["", "It broke."]),
    drift_count=st.sampled_from([None, 0, 3]),
)


@pytest.mark.parametrize(
    ("config", "state", "expected"),
    [
        ({"kubernetes": None, "enabled": False}, {}, SyncStatus.NOT_CONFIGURED),
        ({"enabled": False}, {}, SyncStatus.DISABLED),
        ({"active": False}, {}, SyncStatus.DISABLED),
        ({"interval": 0, "paused": True}, {"error": "It broke."}, SyncStatus.DISABLED),
        ({"paused": True}, {"syncing": True}, SyncStatus.SYNCING),
        ({"paused": True}, {"error": "It broke."}, SyncStatus.PAUSED),
        ({}, {"last_sync": None, "error": "It broke."}, SyncStatus.NEVER_SYNCED),
        ({}, {"error": "It broke.", "drift_count": 2}, SyncStatus.ERROR),
        ({"problems": ("hh_sync_interval is 3.",)}, {}, SyncStatus.ERROR),
        ({}, {"drift_count": 2}, SyncStatus.OUT_OF_SYNC),
        ({"git": None}, {"drift_count": None}, SyncStatus.INVENTORY_ONLY),
        ({}, {}, SyncStatus.IN_SYNC),
    ],
)
def test_first_applicable_status_is_shown(
    config: dict[str, object], state: dict[str, object], expected: SyncStatus
) -> None:
    assert (
        compute_sync_status(ENABLED.model_copy(update=config), SYNCED.model_copy(update=state))
        is expected
    )


@given(config_strategy, state_strategy)
def test_in_sync_needs_git_a_sync_and_no_findings(
    config: FabricConfig, state: LastKnownState
) -> None:
    if compute_sync_status(config, state) is SyncStatus.IN_SYNC:
        assert config.needs_loop
        assert config.git is not None
        assert state.last_sync is not None
        findings = (state.error, state.drift_count, config.problems, config.paused, state.syncing)
        assert not any(findings)


@given(config_strategy, state_strategy)
def test_fabric_without_loop_is_not_configured_or_disabled(
    config: FabricConfig, state: LastKnownState
) -> None:
    off = compute_sync_status(config, state) in {SyncStatus.NOT_CONFIGURED, SyncStatus.DISABLED}
    assert off is not config.needs_loop


def test_failed_source_keeps_last_known_values_and_is_error() -> None:
    state = LastKnownState(
        last_sync=NOW, last_success=NOW, commit="abc", drift_count=2, counts={"Switch": 3}
    )
    observation = Observation(
        started=NOW, kubernetes_error="Berlin's API refused the token.", commit="def"
    )
    after = state.after_sync(observation, NOW)
    assert (after.drift_count, after.counts, after.commit) == (2, {"Switch": 3}, "def")
    assert after.connection_status is ConnectionStatus.ERROR
    assert compute_sync_status(ENABLED, after) is SyncStatus.ERROR


def test_problems_in_git_are_error_with_drift_of_the_rest() -> None:
    observation = Observation(
        started=NOW, commit="abc", drift_count=1, problems=("a.yaml:3: bad.", "b.yaml:1: bad.")
    )
    after = LastKnownState().after_sync(observation, NOW)
    assert after.error == "a.yaml:3: bad. (and 1 more)"
    assert after.drift_count == 1
    assert after.connection_status is ConnectionStatus.CONNECTED
    assert after.last_success is None
