"""The worker's settings."""

import pytest
from pydantic import ValidationError

from settings import MIN_HEALTH_INTERVAL, Settings


def test_health_is_read_at_most_as_often_as_agents_report() -> None:
    assert Settings(health_interval=0).health_interval == 0
    assert Settings(health_interval=MIN_HEALTH_INTERVAL).health_interval == MIN_HEALTH_INTERVAL
    with pytest.raises(ValidationError, match="must be 0 or at least 30"):
        Settings(health_interval=1)


def test_deployment_name_and_build_go_together() -> None:
    versioned = Settings(deployment_name="fabric-sync", build_id="1.2.3")
    assert (versioned.deployment_name, versioned.build_id) == ("fabric-sync", "1.2.3")
    for incomplete in ({"deployment_name": "fabric-sync"}, {"build_id": "1.2.3"}):
        with pytest.raises(ValidationError, match="set both or neither"):
            Settings.model_validate(incomplete)
    with pytest.raises(ValidationError, match="should match pattern"):
        Settings(deployment_name="fabric.sync", build_id="1.2.3")
