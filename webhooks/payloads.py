"""What a webhook says, as far as it matters here: that a record changed, or which branch of what.

Senders also tell of much that is no business of ours (a `ping`, a tag, another model); that is None.
Nothing else is read: the records and the repositories themselves say what is true.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, JsonValue, TypeAdapter, ValidationError

BRANCH_REF_PREFIX: Final = "refs/heads/"

_OBJECT_ADAPTER: Final = TypeAdapter(dict[str, JsonValue])


class InvalidJson(ValueError):
    """The body is no JSON object."""


class _Cluster(BaseModel, frozen=True):
    id: int


class RecordEvent(BaseModel, frozen=True):
    """A cluster in NetBox was created, updated or deleted."""

    event: str
    object_type: Literal["virtualization.cluster"]
    data: _Cluster


class _Repository(BaseModel, frozen=True):
    """GitHub and Gitea say `clone_url` and `ssh_url`, GitLab `git_http_url` and `git_ssh_url`."""

    clone_url: str = ""
    ssh_url: str = ""
    git_http_url: str = ""
    git_ssh_url: str = ""


class PushEvent(BaseModel, frozen=True):
    """A branch of a repository has a new tip. GitLab describes the repository in `project`, too."""

    ref: Annotated[str, Field(pattern=f"^{BRANCH_REF_PREFIX}.")]
    after: str
    repository: _Repository
    project: _Repository = _Repository()

    @property
    def branch(self) -> str:
        """The name of the branch."""
        return self.ref.removeprefix(BRANCH_REF_PREFIX)

    @property
    def urls(self) -> frozenset[str]:
        """Where the repository can be had, in all the spellings that the host gave."""
        named = (*self.repository.model_dump().values(), *self.project.model_dump().values())
        return frozenset(url for url in named if url)


def parse_record_event(body: bytes) -> RecordEvent | None:
    """What NetBox tells of a cluster. Raises `InvalidJson`."""
    return _parse(RecordEvent, body)


def parse_push(body: bytes) -> PushEvent | None:
    """The push to a branch that a Git host tells of. Raises `InvalidJson`."""
    return _parse(PushEvent, body)


def _parse[T: BaseModel](model: type[T], body: bytes) -> T | None:
    try:
        document = _OBJECT_ADAPTER.validate_json(body)
    except ValidationError:
        raise InvalidJson("The body is no JSON object.") from None
    try:
        return model.model_validate(document)
    except ValidationError:
        return None
