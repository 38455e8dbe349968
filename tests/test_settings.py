"""The worker's settings."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from settings import MIN_HEALTH_INTERVAL, Settings


def test_health_is_read_at_most_as_often_as_agents_report() -> None:
    assert Settings(health_interval=0).health_interval == 0
    assert Settings(health_interval=MIN_HEALTH_INTERVAL).health_interval == MIN_HEALTH_INTERVAL
    with pytest.raises(ValidationError, match="must be 0 or at least 30"):
        Settings(health_interval=1)


def test_what_records_and_kubeconfigs_could_abuse_is_off_unless_switched_on() -> None:
    settings = Settings()
    assert not settings.git_allow_local
    assert not settings.kubernetes_allow_exec


@pytest.mark.parametrize(
    "url", ["http://netbox.example.com", "HTTP://10.0.0.1:8000", "http://localhost.example.com"]
)
def test_token_is_sent_in_clear_text_to_another_host_only_if_allowed(url: str) -> None:
    with pytest.raises(ValidationError, match="FABRIC_SYNC_NETBOX_ALLOW_HTTP=true"):
        Settings(netbox_url=url)
    assert Settings(netbox_url=url, netbox_allow_http=True).netbox_url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://netbox.example.com",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:8000",
    ],
)
def test_loopback_addresses_need_no_https(url: str) -> None:
    assert Settings(netbox_url=url).netbox_url == url


def test_relative_folders_are_those_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git gets their paths, and starts elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FABRIC_SYNC_CREDENTIALS_DIR", "credentials")
    monkeypatch.setenv("FABRIC_SYNC_CACHE_DIR", "cache")
    settings = Settings()
    assert settings.credentials_dir == tmp_path / "credentials"
    assert settings.cache_dir == tmp_path / "cache"


@pytest.mark.parametrize("url", ["https://user:s3cret@netbox.example.com", "https://s3cret@[::1"])
def test_login_in_the_url_of_netbox_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError, match="no user and no password") as caught:
        Settings(netbox_url=url)
    assert "s3cret" not in str(caught.value)


def test_deployment_name_and_build_go_together() -> None:
    versioned = Settings(deployment_name="fabric-sync", build_id="1.2.3")
    assert (versioned.deployment_name, versioned.build_id) == ("fabric-sync", "1.2.3")
    for incomplete in ({"deployment_name": "fabric-sync"}, {"build_id": "1.2.3"}):
        with pytest.raises(ValidationError, match="set both or neither"):
            Settings.model_validate(incomplete)
    with pytest.raises(ValidationError, match="should match pattern"):
        Settings(deployment_name="fabric.sync", build_id="1.2.3")
