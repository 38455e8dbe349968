"""The record's fields: what people enter and what syncs write."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabrics.agents.health_report import Health
from fabrics.drift.model import Author
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.loop.record_exchange import ShownStatus
from fabrics.record.config import (
    FABRIC_ID_PATTERN,
    MAX_INTERVAL_SECONDS,
    RESUME,
    ConfigEdits,
    GitSource,
    KubernetesTarget,
)
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import (
    build_status_fields,
    find_changed_fields,
    is_consistent,
    make_fabric_id,
    parse_last_known_state,
)
from fabrics.record.sync_status import (
    ConnectionStatus,
    LastKnownState,
    SyncStatus,
    compute_sync_status,
)
from fabrics.texts import replace_unprintable

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SELECTIONS = ("hh_sync_status", "hh_connection_status", "hh_health")
CONFIGURED = {
    "hh_fabric_id": "dc-1",
    "hh_sync_enabled": True,
    "hh_kubernetes_server": "https://10.0.0.1:6443",
    "hh_git_repository": "https://git.example.com/net/dc1.git",
}


def record(**fields: object) -> dict[str, Any]:
    """Return a cluster as NetBox 4.7 does: labelled selections, all fields."""
    empty = dict.fromkeys(
        ["hh_sync_interval", "hh_paused", "hh_pause_reason", "hh_managed_kinds", "hh_site"]
    )
    shown = {name: _as_shown(name, value) for name, value in (empty | CONFIGURED | fields).items()}
    status = {"value": "active", "label": "Active"}
    return {"id": 7, "name": "DC 1", "status": status, "custom_fields": shown}


def _as_shown(name: str, value: object) -> object:
    return {"value": value, "label": str(value)} if name in SELECTIONS and value else value


# -- configuration ----------------------------------------------------------------------------------


def test_defaults_are_those_of_help_texts() -> None:
    config = parse_config(record())
    assert config.fabric_id == "dc-1"
    assert config.name == "DC 1"
    assert config.record_id == 7
    assert config.active
    assert config.enabled
    assert config.interval == 300
    assert not config.paused
    assert config.kubernetes == KubernetesTarget(
        server="https://10.0.0.1:6443", namespace="default", credential="dc-1"
    )
    assert config.git == GitSource(
        repository="https://git.example.com/net/dc1.git",
        branch="main",
        directory="/",
        credential="dc-1",
    )
    assert config.managed_kinds == ()
    assert config.problems == ()


SITE = {"id": 3, "url": "https://netbox/api/dcim/sites/3/", "name": "Hall", "slug": "hall"}


def test_site_and_scope_are_part_of_configuration() -> None:
    scoped = {"scope_type": "dcim.location", "scope_id": 3}
    records = [
        record(),
        record(hh_site=SITE),
        record() | scoped,
        record() | scoped | {"scope_id": 4},
    ]
    configs = [parse_config(row) for row in records]
    assert [config.scope for config in configs] == [
        *("", "dcim.site 3", "dcim.location 3", "dcim.location 4")
    ]
    assert len({config.hash for config in configs}) == len(records)
    assert parse_config(record(hh_site=SITE) | scoped) == configs[1]


def test_empty_record_is_neither_enabled_nor_invalid() -> None:
    empty = {"id": 1, "name": "x", "custom_fields": {}}
    config = parse_config(empty)
    assert not config.enabled
    assert not config.active
    assert config.kubernetes is None
    assert config.git is None
    assert config.problems == ()


def test_values_override_defaults() -> None:
    config = parse_config(
        record(
            hh_sync_interval=60,
            hh_paused=True,
            hh_pause_reason="maintenance",
            hh_kubernetes_namespace="fab",
            hh_fabric_name="fabric-a",
            hh_credentials="dc_1.prod",
            hh_git_branch="release/26.03",
            hh_git_directory="/fabrics/dc1/",
            hh_managed_kinds=[
                {"value": "VPC", "label": "VPC"},
                {"value": "Connection", "label": "Connection"},
            ],
            hh_task_queue="berlin",
        )
    )
    assert config.problems == ()
    assert config.interval == 60
    assert config.paused
    assert config.pause_reason == "maintenance"
    assert config.kubernetes is not None
    assert config.kubernetes.namespace == "fab"
    assert config.fabric_name == "fabric-a"
    assert config.git is not None
    assert config.git.branch == "release/26.03"
    assert config.git.directory == "fabrics/dc1"
    assert config.git.credential == config.kubernetes.credential == "dc_1.prod"
    assert config.managed_kinds == ("Connection", "VPC")
    assert config.task_queue == "berlin"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/net/dc1.git",
        "https://git.example.com:8443/net/dc1",
        "http://127.0.0.1:3000/dc1.git",
        "ssh://git@git.example.com:2222/net/dc1.git",
        "git@github.com:org/repo.git",
        "file:///srv/git/dc1",
    ],
)
def test_repository_urls_that_git_accepts_are_valid(url: str) -> None:
    config = parse_config(record(hh_git_repository=url))
    assert config.git is not None
    assert config.git.repository == url
    assert config.problems == ()


UNUSABLE = [
    ("hh_sync_interval", 3),
    ("hh_sync_interval", -5),
    ("hh_sync_interval", MAX_INTERVAL_SECONDS + 1),
    ("hh_sync_interval", "soon"),
    ("hh_sync_interval", True),
    ("hh_sync_enabled", "yes"),
    ("hh_paused", 7),
    ("hh_kubernetes_server", "10.0.0.1:6443"),
    ("hh_kubernetes_server", "ftp://10.0.0.1"),
    ("hh_kubernetes_server", "https://"),
    ("hh_kubernetes_server", "https://host:99999"),
    ("hh_kubernetes_server", "https://[::1"),
    ("hh_kubernetes_server", "https://host name"),
    ("hh_kubernetes_server", ["https://host"]),
    ("hh_kubernetes_server", "https://" + "h" * 500),
    ("hh_kubernetes_namespace", "Not_A_Name"),
    ("hh_kubernetes_namespace", "default\n"),
    ("hh_kubernetes_namespace", "n" * 64),
    ("hh_credentials", "../other"),
    ("hh_credentials", ".."),
    ("hh_credentials", "a b"),
    ("hh_credentials", "dc-1\n"),
    ("hh_credentials", "c" * 101),
    ("hh_git_repository", "--upload-pack=touch /tmp/x"),
    ("hh_git_repository", "ext::sh -c id"),
    ("hh_git_repository", "https://host"),
    ("hh_git_repository", "file://host/x"),
    ("hh_git_repository", "https://host/" + "r" * 500),
    ("hh_git_branch", "--force"),
    ("hh_git_branch", "a..b"),
    ("hh_git_branch", "feature/"),
    ("hh_git_branch", "a b"),
    ("hh_git_branch", "b" * 201),
    ("hh_git_directory", "../secrets"),
    ("hh_git_directory", "a/../../b"),
    ("hh_git_directory", 5),
    ("hh_git_directory", "d" * 401),
    ("hh_managed_kinds", [{"value": "Router", "label": "Router"}]),
    ("hh_managed_kinds", "VPC"),
    ("hh_fabric_name", "Fabric A"),
    ("hh_fabric_name", 5),
    ("hh_fabric_name", "f" * 254),
    ("hh_task_queue", "a b"),
    ("hh_task_queue", "q" * 201),
    ("hh_fabric_id", "DC 1"),
    ("hh_fabric_id", "f" * 40),
]


@pytest.mark.parametrize(("field", "value"), UNUSABLE)
def test_unusable_value_is_problem_that_names_its_field(field: str, value: object) -> None:
    (problem,) = parse_config(record(**{field: value})).problems
    assert field in problem
    assert problem.endswith(".")
    assert "\n" not in problem


def test_unusable_fabric_name_selects_no_objects_at_all() -> None:
    config = parse_config(record(hh_fabric_name="Fabric A"))
    assert config.kubernetes == KubernetesTarget(server="", namespace="", credential="")


def test_another_fabric_name_is_another_source() -> None:
    configs = [parse_config(record(hh_fabric_name=name)) for name in (None, "a", "b")]
    assert len({config.sources for config in configs}) == 3
    assert len({config.hash for config in configs}) == 3


def test_unusable_interval_means_default() -> None:
    config = parse_config(record(hh_sync_interval=3))
    assert config.interval == 300
    assert "not 3" in config.problems[0]


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("hh_kubernetes_server", "https://admin:hunter2@10.0.0.1:6443"),
        ("hh_kubernetes_server", "https://10.0.0.1:6443/?token=hunter2"),
        ("hh_git_repository", "https://oauth2:hunter2@git.example.com/net/dc1.git"),
        ("hh_git_repository", "https://hunter2@git.example.com/net/dc1.git"),
        ("hh_git_repository", "ssh://git:hunter2@git.example.com/net/dc1.git"),
        ("hh_git_repository", "https://git.example.com/net/dc1.git?private_token=hunter2"),
        ("hh_credentials", "Bearer hunter2"),
    ],
)
def test_secret_in_url_is_refused_and_not_repeated(field: str, url: str) -> None:
    config = parse_config(record(**{field: url}))
    assert config.problems
    assert "hunter2" not in config.model_dump_json()


def test_unusable_kubernetes_server_is_error_not_unconfigured_fabric() -> None:
    invalid = record(hh_kubernetes_server="10.0.0.1")
    config = parse_config(invalid)
    assert config.kubernetes == KubernetesTarget(server="", namespace="", credential="")
    assert config.needs_loop
    fields = build_status_fields(config, LastKnownState(last_sync=NOW))
    assert fields["hh_sync_status"] == SyncStatus.ERROR
    assert "hh_kubernetes_server" in fields["hh_sync_error"]


def test_unusable_credential_is_not_replaced_by_default() -> None:
    config = parse_config(record(hh_credentials="../dc-2"))
    assert config.git is None
    assert config.kubernetes is not None
    assert config.kubernetes.credential == ""


# -- arbitrary values ----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELD_NAMES = sorted(
    {name for name, _ in UNUSABLE}
    | set(build_status_fields(parse_config(record()), LastKnownState()))
)
JUNK = st.dictionaries(st.sampled_from(FIELD_NAMES), JSON)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(JUNK)
def test_any_record_can_be_read(junk: dict[str, Any]) -> None:
    malformed = record(**junk)
    parse_config(malformed)
    assert parse_last_known_state(malformed).syncing is False
    json.dumps(find_changed_fields(malformed, ConfigEdits(), LastKnownState(), NOW))


def test_huge_values_of_a_record_are_read_as_small_ones() -> None:
    text = "x" * 100_000
    entry = {"kind": "VPC", "namespace": "default", "name": text, "change": "missing"}
    huge = record(
        hh_last_sync="2026-11-21T11:00:00Z",
        hh_sync_error=text,
        hh_connection_error=text,
        hh_commit=text,
        hh_inventory=text,
        hh_health_message=text,
        hh_accepted=text,
        hh_accepted_count=10**9,
        hh_counts={"VPC": 3} | {f"Kind{number}": 1 for number in range(10_000)},
        hh_drift=[entry] * 20,
        hh_kubernetes_server=f"https://{text}",
        hh_git_repository=f"https://host/{text}",
        hh_pause_reason=text,
    )
    state = parse_last_known_state(huge)
    assert (state.counts, state.drift) == ({"VPC": 3}, ())
    assert len(state.model_dump_json()) < 4_000
    assert len(parse_config(huge).model_dump_json()) < 2_000
    assert parse_config(huge).pause_reason == text[:200]
    assert not is_consistent(huge)  # so it is written again


def test_words_of_others_are_read_and_written_as_short_printable_lines() -> None:
    words, line = "a\n- b\x1b[2K\u202e", "a?- b?[2K?"
    texts = (
        "hh_sync_error",
        "hh_connection_error",
        "hh_inventory",
        "hh_health_message",
        "hh_accepted",
    )
    stored = record(
        **dict.fromkeys((*texts, "hh_pause_reason"), words),
        hh_last_sync="2026-11-21T11:00:00Z",
        hh_drift=[dict.fromkeys(("kind", "namespace", "name", "change"), words)],
    )
    config, state = parse_config(stored | {"name": words}), parse_last_known_state(stored)
    assert (config.name, config.pause_reason) == (line, line)
    assert state.drift == (SummaryEntry(line, line, line, line),)
    names = ("error", "connection_error", "inventory_text", "health_message", "accepted_text")
    assert [getattr(state, name) for name in names] == [line] * 5
    long = LastKnownState.model_validate({"last_sync": NOW} | dict.fromkeys(names, words * 99))
    written = build_status_fields(parse_config(record()), long)
    assert {written[name] for name in texts} == {(line * 99)[:500]}


# -- status -------------------------------------------------------------------------------------------

TIMES = st.none() | st.datetimes(
    min_value=NOW.replace(tzinfo=None) - timedelta(days=900),
    max_value=NOW.replace(tzinfo=None),
    timezones=st.just(UTC),
)
LINES = st.text(max_size=63).map(replace_unprintable)
AUTHORS = st.builds(Author, LINES, st.just(NOW))
DRIFT = st.builds(
    SummaryEntry,
    kind=st.sampled_from(["VPC", "Switch"]),
    namespace=st.just("default"),
    name=LINES,
    change=st.sampled_from(["changed", "missing", "extra"]),
    fields=st.lists(
        st.builds(SummaryField, LINES, st.none() | LINES, LINES, st.none() | AUTHORS), max_size=2
    ).map(tuple),
    since=TIMES,
    changed_by=st.none() | AUTHORS,
    committed_by=st.none() | AUTHORS,
)
STATES = st.builds(
    LastKnownState,
    syncing=st.booleans(),
    last_sync=TIMES,
    last_success=TIMES,
    error=st.text(max_size=600).map(str.strip),
    connection_status=st.sampled_from(ConnectionStatus),
    connection_error=st.text(max_size=600),
    commit=st.sampled_from(["", "4f" * 20]),
    drift_count=st.none() | st.integers(0, 10_000),
    drift=st.lists(DRIFT, max_size=25).map(tuple),
    accepted_count=st.integers(0, 9999),
    accepted_text=st.text(max_size=300),
    rule_notice=st.text(max_size=300),
    counts=st.dictionaries(st.sampled_from(["VPC", "Switch"]), st.integers(0, 9999)),
    health=st.sampled_from(Health),
    health_message=st.text(max_size=600),
).map(lambda state: state if _failed(state) else state.model_copy(update={"error": ""}))


def _failed(state: LastKnownState) -> bool:
    """True if the last sync failed: only a failed sync leaves an error."""
    last, success = (
        moment and moment.replace(microsecond=0) for moment in (state.last_sync, state.last_success)
    )
    return last is not None and last != success


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STATES)
def test_written_fields_are_not_written_again(state: LastKnownState) -> None:
    written = find_changed_fields(record(), ConfigEdits(), state, NOW)
    assert find_changed_fields(record(**written), ConfigEdits(), state, NOW) == {}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STATES)
def test_state_survives_round_trip_through_record(state: LastKnownState) -> None:
    resting = state.model_copy(update={"syncing": False})
    fields = build_status_fields(parse_config(record()), resting)
    parsed = parse_last_known_state(record(**fields))
    assert is_consistent(record(**fields))
    assert build_status_fields(parse_config(record()), parsed) == fields
    running = state.model_copy(update={"syncing": True})
    shown = record(**build_status_fields(parse_config(record()), running))
    assert not parse_last_known_state(shown).syncing
    assert not is_consistent(shown)


def test_running_sync_hides_the_error_of_the_last_one_but_not_that_it_failed() -> None:
    failed = LastKnownState(syncing=True, last_sync=NOW, error="Git is down.", drift_count=0)
    shown = record(**build_status_fields(parse_config(record()), failed))
    assert shown["custom_fields"]["hh_sync_error"] is None
    parsed = parse_last_known_state(shown)
    assert parsed.error == "The last sync failed; the next one says why."
    assert compute_sync_status(parse_config(shown), parsed) is SyncStatus.ERROR


@pytest.mark.parametrize(
    "unsynced",
    [{"hh_sync_enabled": False}, {"hh_sync_interval": 0}, {"hh_kubernetes_server": None}],
)
def test_record_of_a_fabric_that_is_not_synced_says_nothing_of_inventory_and_health(
    unsynced: dict[str, object],
) -> None:
    text, stuck = "The inventory in NetBox is not up to date: No.", "leaf-01 is stuck."
    last_known = LastKnownState(
        last_sync=NOW,
        last_success=NOW,
        inventory_text=text,
        health=Health.DEGRADED,
        health_message=stuck,
    )
    shown = {"hh_inventory": text, "hh_health": "degraded", "hh_health_message": stuck}
    assert build_status_fields(parse_config(record()), last_known).items() >= shown.items()
    switched_off = record(**unsynced, **shown)
    written = find_changed_fields(switched_off, ConfigEdits(), last_known, NOW)
    expected = {"hh_inventory": None, "hh_health": "unknown", "hh_health_message": None}
    assert written.items() >= expected.items()


def test_health_of_a_paused_fabric_is_unknown() -> None:
    healthy = LastKnownState(health=Health.HEALTHY, health_message="All is well.")
    fields = build_status_fields(parse_config(record(hh_paused=True)), healthy)
    assert fields["hh_health"] == "unknown"
    assert fields["hh_health_message"] == "The agents are not read while the fabric is paused."
    never_read = build_status_fields(parse_config(record(hh_paused=True)), LastKnownState())
    assert never_read["hh_health_message"] is None


def test_times_have_form_that_netbox_returns() -> None:
    berlin = datetime.fromisoformat("2026-11-21T13:00:00.987+01:00")
    fields = build_status_fields(parse_config(record()), LastKnownState(last_sync=berlin))
    assert fields["hh_last_sync"] == "2026-11-21T12:00:00Z"


def test_time_in_other_form_is_same_time() -> None:
    fields = build_status_fields(parse_config(record()), LastKnownState(last_sync=NOW))
    stored = record(**fields | {"hh_last_sync": "2026-11-21T13:00:00+01:00"})
    assert find_changed_fields(stored, ConfigEdits(), LastKnownState(last_sync=NOW), NOW) == {}


def test_record_says_in_words_what_programs_find_in_json() -> None:
    entry = SummaryEntry("VPC", "default", "prod", "missing", since=NOW)
    state = LastKnownState(
        last_sync=NOW, drift_count=1, drift=(entry,), counts={"VPC": 3, "Server": 40}
    )
    fields = build_status_fields(parse_config(record()), state)
    assert fields["hh_objects"] == "40 Server, 3 VPC"
    assert "**missing: VPC prod**, since 2026-11-21 12:00 UTC\n" in fields["hh_drift_report"]
    assert fields["hh_drift"][0]["since"] == "2026-11-21T12:00:00Z"
    nothing = build_status_fields(parse_config(record()), LastKnownState())
    assert (nothing["hh_objects"], nothing["hh_drift_report"]) == (None, None)


def test_report_names_what_rules_accept_below_the_drift() -> None:
    text, notice = "VPC a: spec.mode (r)", "rules.toml:1: it ends."
    state = LastKnownState(accepted_count=1, accepted_text=text, rule_notice=notice)
    fields = build_status_fields(parse_config(record()), state)
    assert (fields["hh_accepted_count"], fields["hh_accepted"]) == (1, f"{notice} {text}")
    assert fields["hh_drift_report"] == f"**Accepted differences:** {notice} {text}"


@given(LINES.map(str.strip), LINES.map(str.strip))
def test_rules_that_were_written_are_not_written_again_once_they_are_read(
    text: str, notice: str
) -> None:
    config = parse_config(record())
    state = LastKnownState(
        last_sync=NOW, last_success=NOW, accepted_text=text * 9, rule_notice=notice
    )
    parsed = parse_last_known_state(record(**build_status_fields(config, state)))
    assert ShownStatus.build(config, parsed) == ShownStatus.build(config, state)


def test_drift_field_is_truncated() -> None:
    entry = SummaryEntry("Connection", "default", "leaf-01--spine-01" * 3, "changed")
    state = LastKnownState(last_sync=NOW, drift_count=500, drift=(entry,) * 500)
    fields = build_status_fields(parse_config(record()), state)
    assert len(fields["hh_drift"]) == 20
    long_entry = SummaryEntry("VPC", "default", "x" * 500, "missing")
    state = LastKnownState(last_sync=NOW, drift_count=20, drift=(long_entry,) * 20)
    shown = build_status_fields(parse_config(record()), state)["hh_drift"]
    assert 4096 - 600 < len(json.dumps(shown)) <= 4096


# -- changes ------------------------------------------------------------------------------------------


def test_only_differing_fields_are_written() -> None:
    before = LastKnownState(last_sync=NOW, last_success=NOW, commit="4f" * 20, drift_count=0)
    stored = record(**build_status_fields(parse_config(record()), before))
    later = NOW + timedelta(seconds=300)
    after = before.model_copy(update={"last_sync": later, "error": "Git is gone."})
    assert find_changed_fields(stored, ConfigEdits(), after, later) == {
        "hh_sync_status": "error",
        "hh_sync_error": "Git is gone.",
        "hh_last_sync": "2026-11-21T12:05:00Z",
    }


def test_no_drift_differs_from_unknown_drift() -> None:
    unknown = record(**build_status_fields(parse_config(record()), LastKnownState(last_sync=NOW)))
    changes = find_changed_fields(
        unknown, ConfigEdits(), LastKnownState(last_sync=NOW, drift_count=0), NOW
    )
    assert changes == {"hh_drift_count": 0, "hh_sync_status": "in_sync"}


def test_delayed_sync_does_not_overwrite_later_one() -> None:
    newer = LastKnownState(last_sync=NOW, commit="aa" * 20, drift_count=0)
    stored = record(**build_status_fields(parse_config(record()), newer))
    delayed = LastKnownState(last_sync=NOW - timedelta(seconds=10), error="It was down then.")
    edits = ConfigEdits(paused=True, pause_reason="hands off")
    assert find_changed_fields(stored, edits, delayed, NOW) == {
        "hh_paused": True,
        "hh_pause_reason": "hands off",
        "hh_sync_status": "paused",
    }


def test_end_of_a_pause_is_written_read_and_cleared() -> None:
    state = LastKnownState(last_sync=NOW)
    pause = ConfigEdits.pause("work", "2026-12-24T08:00:00.5+01:00")
    written = find_changed_fields(record(), pause, state, NOW)
    assert written["hh_paused_until"] == "2026-12-24T07:00:00Z"
    paused = record(**written)
    assert parse_config(paused).paused_until == datetime(2026, 12, 24, 7, tzinfo=UTC)
    cleared = find_changed_fields(paused, RESUME, state, NOW)
    assert (cleared["hh_paused"], cleared["hh_paused_until"]) == (False, None)


def test_unusable_end_of_a_pause_leaves_the_fabric_paused() -> None:
    config = parse_config(record(hh_paused=True, hh_paused_until="9999-12-31T00:00:00Z"))
    assert (config.paused, config.paused_until) == (True, None)
    assert config.problems[0].startswith("hh_paused_until: the end of a pause must be a time")


def test_time_in_the_future_does_not_block_writes() -> None:
    stored = record(hh_last_sync="2099-01-01T00:00:00Z", hh_sync_status="in_sync")
    changes = find_changed_fields(stored, ConfigEdits(), LastKnownState(last_sync=NOW), NOW)
    assert changes["hh_last_sync"] == "2026-11-21T12:00:00Z"


@pytest.mark.parametrize(
    ("edited", "status"),
    [
        ({"hh_sync_enabled": False}, "disabled"),
        ({"hh_sync_enabled": None}, "disabled"),
        ({"hh_sync_interval": 0}, "disabled"),
        ({"hh_kubernetes_server": None}, "not_configured"),
        ({"hh_paused": True}, "paused"),
    ],
)
def test_status_follows_current_configuration_of_record(
    edited: dict[str, Any], status: str
) -> None:
    syncing = record(**edited, hh_sync_status="syncing")
    state = LastKnownState(syncing=False, last_sync=NOW, drift_count=2)
    assert find_changed_fields(syncing, ConfigEdits(), state, NOW)["hh_sync_status"] == status


def test_edits_override_record() -> None:
    stored = record(hh_sync_interval=3, hh_paused=True, hh_pause_reason="maintenance")
    edits = ConfigEdits(interval=60, paused=False, pause_reason="")
    changes = find_changed_fields(stored, edits, LastKnownState(last_sync=NOW, drift_count=0), NOW)
    assert changes["hh_sync_interval"] == 60
    assert changes["hh_paused"] is False
    assert changes["hh_pause_reason"] is None
    assert changes["hh_sync_status"] == "in_sync"
    assert "hh_sync_error" not in changes


def test_edits_equal_to_record_write_nothing() -> None:
    fields = build_status_fields(parse_config(record()), LastKnownState(last_sync=NOW))
    edits = ConfigEdits(paused=False, pause_reason="")
    assert find_changed_fields(record(**fields), edits, LastKnownState(last_sync=NOW), NOW) == {}


def test_configuration_problem_is_not_parsed_as_sync_error() -> None:
    config = parse_config(record(hh_sync_interval=3))
    shown = build_status_fields(config, LastKnownState(last_sync=NOW, error="Git is gone."))
    assert parse_last_known_state(record(hh_sync_interval=3, **shown)).error == "Git is gone."


@pytest.mark.parametrize("last", [None, NOW])
def test_problem_corrected_without_a_loop_is_no_error(last: datetime | None) -> None:
    config = parse_config(record(hh_sync_interval=3))
    shown = build_status_fields(
        config, LastKnownState(last_sync=last, last_success=last, drift_count=0)
    )
    assert shown["hh_sync_error"]
    changes = find_changed_fields(
        record(**shown), ConfigEdits(), parse_last_known_state(record(**shown)), NOW
    )
    assert changes["hh_sync_error"] is None


# -- fabric ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fabric_id"),
    [
        ("Berlin DC1", "berlin-dc1"),
        ('DC 1 / fab é "x"', "dc-1-fab-e-x"),
        ("東京ファブリック", "fabric"),
        ("--__--", "fabric"),
        ("", "fabric"),
        ("x" * 200, "x" * 39),
    ],
)
def test_fabric_id_is_made_from_name(name: str, fabric_id: str) -> None:
    assert make_fabric_id(name, ()) == fabric_id


@given(st.text(max_size=250), st.integers(1, 30))
def test_fabric_ids_are_valid_and_unique(name: str, fabrics: int) -> None:
    taken: set[str] = set()
    for _ in range(fabrics):
        fabric_id = make_fabric_id(name, taken)
        assert re.fullmatch(FABRIC_ID_PATTERN, fabric_id)
        assert fabric_id not in taken
        taken.add(fabric_id)


class CountedIds(set[str]):
    """Fabric ids that count how often somebody looks for one."""

    lookups = 0

    def __contains__(self, fabric_id: object) -> bool:
        self.lookups += 1
        return super().__contains__(fabric_id)


def test_thousands_of_equal_names_take_few_attempts_each() -> None:
    taken = CountedIds()
    for _ in range(2_000):
        taken.add(make_fabric_id("Fabric", taken))
    assert taken == {"fabric", *(f"fabric-{number}" for number in range(2, 2_001))}
    assert taken.lookups < 2_000 * 25
