"""Alert rules, their page and the dashboard fit the metrics of workers."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from fabrics.fleet.reconcile import FleetPlan, FleetSnapshot
from telemetry import metrics
from telemetry.credential_expiry import CredentialExpiry
from telemetry.fabric_states import build_metrics
from tests.support.paths import PROJECT

MONITORING: Final = PROJECT / "deploy" / "monitoring"
RULES: Final = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"][0]["rules"]
PAGE: Final = (PROJECT / "docs" / "alerts.md").read_text()
DASHBOARD: Final = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS: Final = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]
OWN_METRIC: Final = re.compile(r"\bfabric_sync_[a-z_]+")
SUFFIXES: Final = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
PROMTOOL: Final = shutil.which("promtool", path=f"{PROJECT / '.venv' / 'bin'}:/usr/bin")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def list_activity_metrics() -> list[Metric]:
    """Return the metrics of the process that executes activities."""
    collectors = vars(metrics).values()
    return [
        metric
        for collector in collectors
        if isinstance(collector, MetricWrapperBase)
        for metric in collector.collect()
    ]


def name_samples(families: Iterable[Metric]) -> Iterator[str]:
    """Yield the names of the samples that these metrics may have."""
    for metric in families:
        yield from (f"{metric.name}{suffix}" for suffix in SUFFIXES.get(metric.type, ("",)))


def list_metrics() -> set[str]:
    """Return the names of all samples that are our own."""
    snapshot = FleetSnapshot(
        records=(), loops=(), instance="", netbox_heartbeat=900, now=datetime.now(UTC)
    )
    plan = FleetPlan(loops_to_signal=(), records_to_update=(), overdue=())
    collected = [*list_activity_metrics(), *build_metrics(snapshot, plan, 0)]
    expiry = CredentialExpiry(PROJECT / "no-credentials").collect()
    workflows = OWN_METRIC.findall((PROJECT / "workflows" / "sync_reports.py").read_text())
    durations = {f"{name}_seconds_bucket" for name in workflows if not name.endswith("_total")}
    processes = {
        f"fabric_sync_workflows_process_{name}"
        for name in ("start_time_seconds", "cpu_seconds_total", "resident_memory_bytes")
    }
    return {*name_samples([*collected, *expiry]), *workflows, *durations, *processes}


def test_every_metric_of_a_rule_or_a_panel_exists() -> None:
    used = {name for expression in EXPRESSIONS for name in OWN_METRIC.findall(expression)}
    assert used - list_metrics() == set()


def test_names_of_metrics_follow_the_rules_of_prometheus() -> None:
    for metric in list_activity_metrics():
        assert metric.name.startswith("fabric_sync_")
        assert metric.documentation.endswith("."), metric.name
        assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket")), metric.name
        assert metric.type != "histogram" or metric.name.endswith("_seconds"), metric.name


def test_every_alert_has_a_section_of_its_page_and_only_those_do() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in RULES]
    for section in PAGE.split("\n## ")[1:]:
        assert "**What to do.**" in section, section


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_is_complete(rule: dict[str, Any]) -> None:
    severity, duration = rule["labels"]["severity"], rule.get("for", "at once")
    anchor = rule["alert"].lower()
    assert severity in {"critical", "warning", "info"}
    assert rule["annotations"]["runbook"] == f"docs/alerts.md#{anchor}"
    assert rule["annotations"]["summary"].endswith(".")
    assert f"| [{rule['alert']}](#{anchor}) | {severity} | {duration} |" in PAGE


def test_rules_on_fabrics_do_not_depend_on_the_worker_that_shows_them() -> None:
    for rule in RULES:
        uses = re.findall(r"fabric_sync_fabric_", rule["expr"])
        by_fabric = re.findall(
            r"(?:max|min) by \(fabric\b[\w, ]*\) \(fabric_sync_fabric_", rule["expr"]
        )
        assert len(by_fabric) == len(uses), rule["alert"]


def test_panels_say_what_they_show() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["title"]
        assert panel["targets"]


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = Counter(
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert set(cells.values()) == {1}
    assert {x for x, _ in cells} == set(range(24))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_of_now_never_shows_what_was_before(panel: dict[str, Any]) -> None:
    """A stat of a range shows the last value of a metric that has disappeared."""
    is_of_now = panel["type"] in {"stat", "table"}
    for target in panel["targets"]:
        assert target.get("instant", False) is is_of_now
        assert "vector(0)" not in target["expr"]


def test_panels_show_only_the_workers_of_this_product() -> None:
    """Other applications export metrics of Temporal's client library as well."""
    for target in (target for panel in PANELS for target in panel["targets"]):
        metrics = re.findall(r"\b(?:temporal|process)_\w+(.{0,5})", target["expr"])
        assert set(metrics) <= {"{job="}, target["expr"]


def test_page_names_panels_and_rows_that_exist() -> None:
    named = {
        name
        for names in re.findall(r"\b(?:panels?|row) ((?:\"[^\"]+\"(?: and )?)+)", PAGE)
        for name in re.findall(r"\"([^\"]+)\"", names)
    }
    assert named
    assert named <= {panel["title"] for panel in DASHBOARD["panels"]}


def run_promtool(*arguments: str | Path) -> None:
    """Run Prometheus's own checks."""
    assert PROMTOOL is not None
    ended = subprocess.run(
        [PROMTOOL, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_an_incident_raises_each_alert() -> None:
    incidents = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
    samples = [
        sample["labels"]
        for incident in incidents
        for check in incident["promql_expr_test"]
        for sample in check["exp_samples"]
    ]
    raised = {name for labels in samples for name in re.findall(r'alertname="(\w+)"', labels)}
    assert raised == {rule["alert"] for rule in RULES}


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    run_promtool("check", "rules", "alerts.yaml")


@needs_promtool
def test_incidents_raise_their_alerts_and_no_others() -> None:
    run_promtool("test", "rules", "alerts.test.yaml")
