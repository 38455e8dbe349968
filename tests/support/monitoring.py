"""The alert rules and the dashboard in `deploy/monitoring/`."""

import json
from typing import Any, Final

import yaml

from tests.support.paths import PROJECT

MONITORING: Final = PROJECT / "deploy" / "monitoring"
RULES: Final[list[dict[str, Any]]] = yaml.safe_load((MONITORING / "alerts.yaml").read_text())[
    "groups"
][0]["rules"]
DASHBOARD: Final[dict[str, Any]] = json.loads((MONITORING / "dashboard.json").read_text())
EXPRESSIONS: Final[list[str]] = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())),
]
"""The PromQL of all rules and panels."""
