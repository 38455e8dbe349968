"""Lists of custom resources, page by page: bounded, and with classified errors.

Lists are consistent reads (no `resourceVersion`). A kind that the API does not serve belongs to another Hedgehog
release; an empty kind is something else. Every other failure of any page fails the whole list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from activities.errors import TransientError
from activities.kubernetes.clients import JSON_MEDIA_TYPE
from activities.kubernetes.requests import MAX_BODY_BYTES, ApiRequests, GoneError, NotFoundError
from activities.parsing import PARSING
from fabrics.resources.api_json import TooLargeError
from fabrics.resources.kinds import Kind

PAGE_SIZE: Final = 500
"""Objects per page: kubectl's default."""

MAX_PAGES: Final = 400

MAX_LIST_ATTEMPTS: Final = 3
"""How often a list may start, since its continue token can expire (HTTP 410)."""

CLUSTER_ROLE: Final = "deploy/clusterrole.yaml"
"""The ClusterRole that allows reading what people write."""


class Page(Protocol):
    """One parsed page, and about how many bytes of memory it takes.

    Its token is empty if it is the last one.
    """

    @property
    def continue_token(self) -> str: ...

    @property
    def size(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PagedList[P: Page]:
    """How to read the list of a kind, in the version that the API serves.

    `parse` turns a body into a page, and raises `ValueError` if it is none, and `TooLargeError`. `role` is the file of
    the ClusterRole that allows the list.
    """

    kind: Kind
    parse: Callable[[bytes], P]
    role: str = CLUSTER_ROLE
    page_size: int = PAGE_SIZE
    max_pages: int = MAX_PAGES
    max_page_bytes: int = MAX_BODY_BYTES
    media_type: str = JSON_MEDIA_TYPE
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_pages[P: Page](requests: ApiRequests, wanted: PagedList[P]) -> tuple[P, ...] | None:
    """Return all pages of a list; None if the API does not serve the kind.

    Raises errors as `ApiRequests.get` does.
    """
    for _ in range(MAX_LIST_ATTEMPTS):
        try:
            return _read_once(requests, wanted)
        except NotFoundError:
            return None
        except GoneError:
            continue  # its continue token has expired
    raise TransientError(
        f"{requests.name} changes faster than its {wanted.kind.plural} can be listed."
    )


def _read_once[P: Page](requests: ApiRequests, wanted: PagedList[P]) -> tuple[P, ...]:
    pages = [_fetch_page(requests, wanted, {})]
    while token := pages[-1].continue_token:
        if len(pages) == wanted.max_pages:
            limit = wanted.max_pages * wanted.page_size
            raise requests.oversized_error(f"has more than {limit} {wanted.kind.plural}")
        try:
            pages.append(_fetch_page(requests, wanted, {"continue": token}))
        except NotFoundError as error:
            raise TransientError(
                f"{requests.name} stopped serving {wanted.kind.plural} during a list."
            ) from error
    return tuple(pages)


def _fetch_page[P: Page](
    requests: ApiRequests, wanted: PagedList[P], position: Mapping[str, str]
) -> P:
    kind, namespace = wanted.kind, requests.target.namespace
    body = requests.get(
        f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}",
        {"limit": wanted.page_size, **wanted.parameters, **position},
        f"{kind.plural}.{kind.group}",
        role=wanted.role,
        media_type=wanted.media_type,
        max_bytes=wanted.max_page_bytes,
    )
    try:
        with PARSING:
            page = wanted.parse(body)
        requests.budget.keep(page.size)
    except ValueError as error:
        raise requests.invalid_response_error() from error
    except TooLargeError as error:
        raise requests.too_large_error() from error
    return page
