"""The targets of notifications, from a file that the operator writes.

It is TOML with a table for each target, and it is read at each use, so a change needs no restart:

    [operations]
    url = "https://hooks.example.com/fabrics"
    secret_file = "operations-secret"

    [chat]
    apprise_file = "chat-url"

Secrets are in files of their own, whose paths count from this file's folder.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from activities.errors import PermanentError

MAX_FILE_BYTES: Final = 64 * 1024
MAX_TARGETS: Final = 20
URL_PATTERN: Final = r"^https?://[^\s/?#@]+(/[^\s#]*)?$"
"""Without a user and a password, which neither signature nor TLS would need."""

TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]
"""It is part of the id of a workflow."""


class Target(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """A receiver of signed webhooks, or a service that the library Apprise knows."""

    url: str = Field(default="", pattern=f"^$|{URL_PATTERN}")
    secret_file: Path | None = None
    apprise_file: Path | None = None

    @model_validator(mode="after")
    def _validate_kind(self) -> Self:
        is_webhook = bool(self.url and self.secret_file)
        if is_webhook == bool(self.apprise_file) or bool(self.url) != bool(self.secret_file):
            raise ValueError("a target has either url and secret_file, or apprise_file")
        return self


type Targets = Mapping[str, Target]

_TARGETS: TypeAdapter[dict[str, Target]] = TypeAdapter(
    Annotated[dict[TargetName, Target], Field(max_length=MAX_TARGETS)]
)


def load_targets(file: Path) -> Targets:
    """Read the targets by name. Raises `PermanentError`, which quotes no value."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise _unusable(file, f"it has more than {MAX_FILE_BYTES >> 10} KB")
        targets = _TARGETS.validate_python(tomllib.loads(content.decode()))
    except OSError as error:
        raise _unusable(file, f"it cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _unusable(file, f"{place}: {first['msg']}" if place else first["msg"]) from None
    except ValueError:  # neither TOML nor UTF-8
        raise _unusable(file, "it is no TOML") from None
    return {name: _resolve_paths(target, file.parent) for name, target in targets.items()}


def _resolve_paths(target: Target, folder: Path) -> Target:
    paths = {"secret_file": target.secret_file, "apprise_file": target.apprise_file}
    return target.model_copy(
        update={name: folder / path for name, path in paths.items() if path is not None}
    )


def _unusable(file: Path, reason: str) -> PermanentError:
    return PermanentError(
        f"The targets of notifications in {file} are not usable: {reason}. Correct the file."
    )
