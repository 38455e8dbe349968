"""Parsers for webhook bodies: which record changed, or which branch.

Other events (a `ping`, a tag, another model) are parsed as None. Nothing else in a body is used: syncs read
the records and the repositories themselves.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, JsonValue, TypeAdapter, ValidationError

BRANCH_REF_PREFIX: Final = "refs/heads/"

_OBJECT_ADAPTER: Final = TypeAdapter(dict[str, JsonValue])

_Url = Annotated[str, Field(max_length=2_000)]


class InvalidJson(ValueError):
    """The body is not a JSON object."""


class _Cluster(BaseModel, frozen=True):
    id: int


class RecordEvent(BaseModel, frozen=True):
    """A cluster in NetBox was created, updated or deleted."""

    event: str
    object_type: Literal["virtualization.cluster"]
    data: _Cluster


class _Repository(BaseModel, frozen=True):
    """GitHub and Gitea send the first two fields, GitLab the others."""

    clone_url: _Url = ""
    ssh_url: _Url = ""
    git_http_url: _Url = ""
    git_ssh_url: _Url = ""


class PushEvent(BaseModel, frozen=True):
    """A branch was pushed. GitLab also describes the repository in `project`."""

    ref: Annotated[str, Field(pattern=f"^{BRANCH_REF_PREFIX}.", max_length=1_000)]
    after: Annotated[str, Field(max_length=64)]
    repository: _Repository
    project: _Repository = _Repository()

    @property
    def branch(self) -> str:
        """The name of the branch."""
        return self.ref.removeprefix(BRANCH_REF_PREFIX)

    @property
    def urls(self) -> frozenset[str]:
        """All URLs of the repository that the Git host sent."""
        urls = (*self.repository.model_dump().values(), *self.project.model_dump().values())
        return frozenset(filter(None, urls))


def parse_record_event(body: bytes) -> RecordEvent | None:
    """Parse NetBox's event on a cluster; None for others. Raises `InvalidJson`."""
    return _parse(RecordEvent, body)


def parse_push(body: bytes) -> PushEvent | None:
    """Parse a push to a branch; None for other events. Raises `InvalidJson`."""
    return _parse(PushEvent, body)


def _parse[T: BaseModel](model: type[T], body: bytes) -> T | None:
    try:
        document = _OBJECT_ADAPTER.validate_json(body)
    except ValidationError:
        raise InvalidJson("The body is not a JSON object.") from None
    try:
        return model.model_validate(document)
    except ValidationError:
        return None
