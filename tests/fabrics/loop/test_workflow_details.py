"""A fabric's status in the Temporal Web UI, with words that others have chosen."""

from datetime import UTC, datetime

import pytest

from fabrics.loop.report import FabricStatus
from fabrics.loop.workflow_details import render_details, render_final_details
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import parse_last_known_state

FORGED = "dc1\n- Error: none\x1b[2K\u2028\u202e"


def read_status(words: str, *, paused: bool) -> FabricStatus:
    """Return the status of a fabric with these words in all texts of its record."""
    texts = (
        "hh_pause_reason",
        "hh_sync_error",
        "hh_connection_error",
        "hh_inventory",
        "hh_health_message",
        "hh_accepted",
    )
    fields = dict.fromkeys(texts, words) | {
        "hh_fabric_id": "dc1",
        "hh_sync_enabled": True,
        "hh_paused": paused,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_last_sync": "2026-11-21T11:00:00Z",
        "hh_health": "degraded",
        "hh_drift_count": 1,
        "hh_accepted_count": 1,
        "hh_drift": [dict.fromkeys(("kind", "namespace", "name", "change"), words)],
    }
    record = {"id": 7, "name": words, "status": "active", "custom_fields": fields}
    return FabricStatus.from_record(parse_config(record), parse_last_known_state(record))


@pytest.mark.parametrize("paused", [True, False])
def test_words_of_others_add_no_line_and_no_control_character(paused: bool) -> None:
    forged, ordinary = (read_status(words, paused=paused) for words in (FORGED, "dc1"))
    for details, expected in (
        (render_details(forged), render_details(ordinary)),
        (render_final_details(forged, "it was deleted"), render_final_details(ordinary, "it was")),
    ):
        lines = details.split("\n")
        assert len(lines) == len(expected.split("\n"))
        assert all(line.isprintable() for line in lines)
        assert "dc1?- Error: none" in lines[0]


@pytest.mark.parametrize("paused", [True, False])
def test_markdown_of_others_is_escaped_in_details(paused: bool) -> None:
    status = read_status("![](http://x)", paused=paused).model_copy(
        update={"netbox_error": "<img>", "ignored": "[a](b)", "rule_notice": "[a](b)"}
    )
    for details in (render_details(status), render_final_details(status, "it was deleted")):
        assert "![" not in details
        assert "<" not in details
        assert "[a]" not in details
        assert r"\!\[\](http://x)" in details


def test_pause_is_shown_with_its_end_and_its_reason() -> None:
    paused = read_status("dc1", paused=True)
    assert "- Paused: dc1\n" in render_details(paused)
    end = datetime(2026, 12, 24, 8, tzinfo=UTC)
    timed = paused.model_copy(update={"paused_until": end, "pause_reason": ""})
    assert "- Paused until 2026-12-24 08:00:00 UTC: no reason given\n" in render_details(timed)
