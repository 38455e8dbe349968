"""What the packages set are settings that exist."""

import json
import re

import pytest

from settings import Settings
from tests.support.paths import PROJECT

KNOWN = {f"FABRIC_SYNC_{name.upper()}" for name in Settings.model_fields}
OF_OTHERS = {"FABRIC_SYNC_IMAGE", "FABRIC_SYNC_CONFIG", "FABRIC_SYNC_HOME"}
"""Variables of Compose files and of CI jobs."""


def test_each_setting_that_a_package_names_exists() -> None:
    for file in (PROJECT / "deploy").rglob("*"):
        if file.is_file():
            named = set(re.findall(r"\bFABRIC_SYNC_[A-Z_]+\b", file.read_text()))
            assert named <= KNOWN | OF_OTHERS, file
    named = set(
        re.findall(r"\bFABRIC_SYNC_[A-Z_]+\b", (PROJECT / "docker-compose.yml").read_text())
    )
    assert named <= KNOWN


def test_settings_that_the_chart_sets_itself_cannot_be_set_beside_it() -> None:
    chart = PROJECT / "deploy/chart"
    template = (chart / "templates/_deployment.tpl").read_text()
    schema = json.loads((chart / "values.schema.json").read_text())
    refused = set(schema["properties"]["settings"]["propertyNames"]["not"]["enum"])
    secrets = {
        f"FABRIC_SYNC_{n.upper()}"
        for n, f in Settings.model_fields.items()
        if "SecretStr" in str(f.annotation)
    }

    own = set(re.findall(r"- name: ((?:FABRIC_SYNC|TEMPORAL)_[A-Z_]+)\n", template))
    mounted = {"FABRIC_SYNC_CACHE_DIR", "FABRIC_SYNC_CREDENTIALS_DIR"}
    assert refused == own | secrets | mounted | {"TEMPORAL_API_KEY"}


def test_example_of_settings_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (PROJECT / "deploy/worker.env").read_text().splitlines()
    for name, value in (line.split("=", 1) for line in lines if line and line[0] != "#"):
        monkeypatch.setenv(name, value)

    assert Settings().netbox_url == "https://netbox.example.com"
    assert str(Settings().netbox_token_file) == "/etc/fabric-sync/netbox-token"
