"""Only requests signed with the secret are accepted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from tests.support.webhooks import senders
from tests.support.webhooks.senders import SECRET, SIGNING_TOKEN, Request
from webhooks.signatures import is_from_git_host, is_from_netbox

BODY = senders.push("git.example.com/net/dc1")

type Check = Callable[[dict[str, str], bytes, str], bool]
type Sender = Callable[[bytes, str], Request]

SENDERS: list[tuple[Sender, Check, str]] = [
    (senders.netbox, is_from_netbox, SECRET),
    (senders.github, is_from_git_host, SECRET),
    (senders.gitea, is_from_git_host, SECRET),
    (senders.gitlab, is_from_git_host, SECRET),
    (senders.gitlab_signed, is_from_git_host, SIGNING_TOKEN),
]
SIGNERS = [sender for sender in SENDERS if sender[0] is not senders.gitlab]


def accepts(check: Check, headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Check with headers as the receiver has them: names in any case, any bytes."""
    return check(Headers(headers), body, secret)  # type: ignore[arg-type]


@pytest.mark.parametrize(("send", "check", "secret"), SENDERS)
def test_correct_signature_is_accepted(send: Sender, check: Check, secret: str) -> None:
    assert accepts(check, *send(BODY, secret), secret)


@pytest.mark.parametrize(("send", "check", "secret"), SENDERS)
def test_signature_with_other_secret_is_rejected(send: Sender, check: Check, secret: str) -> None:
    other = "whsec_c29tZSBvdGhlciBrZXkgb2Ygc29tZW9uZSBlbHNlLi4="
    assert not accepts(check, *send(BODY, other), secret)


@pytest.mark.parametrize(("send", "check", "secret"), SIGNERS)
def test_signature_of_other_body_is_rejected(send: Sender, check: Check, secret: str) -> None:
    headers, body = send(BODY, secret)
    assert not accepts(check, headers, body.replace(b"main", b"evil"), secret)
    assert not accepts(check, headers, b"", secret)
    assert not accepts(check, headers, b"\xff", secret)


@pytest.mark.parametrize("check", [is_from_netbox, is_from_git_host])
def test_request_without_signature_is_rejected(check: Check) -> None:
    assert not accepts(check, {}, BODY, SECRET)
    assert not accepts(check, {"Authorization": f"Bearer {SECRET}"}, BODY, SECRET)


def test_signature_of_another_sender_is_rejected() -> None:
    assert not accepts(is_from_git_host, *senders.netbox(BODY), SECRET)
    assert not accepts(is_from_netbox, *senders.github(BODY), SECRET)
    assert not accepts(is_from_netbox, *senders.gitlab(BODY), SECRET)


def test_documented_example_of_github_is_accepted() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    assert accepts(is_from_git_host, headers, b"Hello, World!", "It's a Secret to Everybody")
    assert not accepts(is_from_git_host, headers, b"Hello, World?", "It's a Secret to Everybody")


def test_all_present_signatures_must_be_valid() -> None:
    token, _ = senders.gitlab(BODY, SIGNING_TOKEN)
    signed, _ = senders.gitlab_signed(BODY)
    assert accepts(is_from_git_host, token | signed, BODY, SIGNING_TOKEN)
    assert not accepts(is_from_git_host, token | signed, b"{}", SIGNING_TOKEN)
    wrong = signed | {"X-Gitlab-Token": "guessed"}
    assert not accepts(is_from_git_host, wrong, BODY, SIGNING_TOKEN)


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_signature_expires_after_five_minutes(age: timedelta) -> None:
    headers, _ = senders.gitlab_signed(BODY, at=datetime.now(UTC) - age)
    assert not accepts(is_from_git_host, headers, BODY, SIGNING_TOKEN)


def test_plain_secret_is_not_a_signing_token() -> None:
    headers, _ = senders.gitlab_signed(BODY)
    assert not accepts(is_from_git_host, headers, BODY, SIGNING_TOKEN.removeprefix("whsec_"))
    assert not accepts(is_from_git_host, headers, BODY, "whsec_")
    assert not accepts(is_from_git_host, headers, BODY, "whsec_!!!!!!!!!!!!")


@given(
    st.sampled_from(
        ["x-hook-signature", "x-hub-signature-256", "x-gitea-signature", "x-gitlab-token"]
    ),
    st.text(st.characters(max_codepoint=255)),
    st.binary(max_size=50),
)
def test_arbitrary_headers_are_rejected(header: str, value: str, body: bytes) -> None:
    headers = {header: value, "webhook-signature": value, "webhook-timestamp": value}
    for secret in (SECRET, SIGNING_TOKEN):
        assert not is_from_netbox(headers, body, secret)
        assert not is_from_git_host(headers | {"webhook-id": value}, body, secret)
