"""A fabric's status in the Temporal Web UI, with words that others have chosen."""

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
    )
    fields = dict.fromkeys(texts, words) | {
        "hh_fabric_id": "dc1",
        "hh_sync_enabled": True,
        "hh_paused": paused,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_last_sync": "2026-11-21T11:00:00Z",
        "hh_health": "degraded",
        "hh_drift_count": 1,
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
