"""The ClusterRole that is shipped allows what the worker does, and nothing else."""

from collections import Counter
from pathlib import Path

import yaml

from fabrics.kinds import KINDS

ROLE = Path(__file__).parents[2] / "deploy" / "clusterrole.yaml"


def test_it_allows_to_list_the_compared_kinds_alone() -> None:
    (role,) = yaml.safe_load_all(ROLE.read_text())
    allowed = Counter(
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )

    assert allowed == Counter((kind.group, kind.plural, "list") for kind in KINDS)
    assert all(rule.keys() == {"apiGroups", "resources", "verbs"} for rule in role["rules"])
