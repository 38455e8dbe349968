"""Reads of what the agents of a fabric report, for its health and its facts.

Health needs a Table, which is small and has no specs, and single agents where that does not show that they are alive.
Full Agents hold secrets in their specs, so they are read a few at a time, and only the fields in use are decoded.
Health never fails a sync: whatever somebody has to change first is a problem of the listing, and only what a retry may
solve is raised.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from activities.errors import PermanentError
from activities.kubernetes.paged_lists import PagedList, read_pages
from activities.kubernetes.requests import ApiRequests, NotFoundError
from activities.parsing import PARSING
from fabrics.agents.facts import MAX_AGENTS, MAX_AGENTS_PER_PAGE, AgentFacts, parse_facts_page
from fabrics.agents.heartbeat import Heartbeat, parse_heartbeat
from fabrics.agents.table import (
    AGENT,
    TABLE_MEDIA_TYPE,
    TABLE_PARAMETERS,
    AgentListing,
    AgentTable,
    parse_table_page,
    read_table,
)
from fabrics.resources.api_json import PARTIAL_LIMITS, TooLargeError
from fabrics.resources.kinds import Kind

HEALTH_ROLE: Final = "deploy/clusterrole-health.yaml"
"""The ClusterRole that allows reading agents; whoever has it can read their specs."""

_TABLE_PAGE_SIZE: Final = 500
_MAX_TABLE_PAGES: Final = 20
_MAX_TABLE_BYTES: Final = 4 * 1024 * 1024
_MAX_FACTS_PAGES: Final = MAX_AGENTS // MAX_AGENTS_PER_PAGE
_MAX_FACTS_BYTES: Final = 16 * 1024 * 1024


def read_agent_table(requests: ApiRequests, table: AgentTable) -> AgentListing:
    """Read all agents of a kind, as the API prints them. Raises `TransientError`.

    What a retry cannot solve is a problem of the listing.
    """
    wanted = PagedList(
        kind=table.kind,
        parse=parse_table_page,
        role=HEALTH_ROLE,
        page_size=_TABLE_PAGE_SIZE,
        max_pages=_MAX_TABLE_PAGES,
        max_page_bytes=_MAX_TABLE_BYTES,
        media_type=TABLE_MEDIA_TYPE,
        parameters=TABLE_PARAMETERS,
    )
    try:
        pages = read_pages(requests, wanted)
    except PermanentError as error:
        return AgentListing(problem=str(error))
    if pages is None:
        return AgentListing(problem=f"{requests.name} serves no {table.kind.plural}.")
    return read_table(table, pages)


def add_heartbeats(
    requests: ApiRequests, table: AgentTable, listing: AgentListing, names: Iterable[str]
) -> AgentListing:
    """Return the listing with the heartbeats of these agents, read one by one.

    An agent that has vanished, or whose status cannot be read, is left out. Raises `TransientError`.
    """
    heartbeats: dict[str, Heartbeat | None] = {}
    for name in names:
        try:
            heartbeats[name] = _read_heartbeat(requests, table.kind, name)
        except (NotFoundError, TooLargeError, ValueError):
            continue
        except PermanentError as error:
            return replace(listing, problem=str(error))
    return replace(listing, heartbeats=heartbeats)


def read_agent_facts(requests: ApiRequests) -> dict[str, AgentFacts] | None:
    """Read the facts of all switches, by name.

    Switches whose status cannot be read are left out. The result is None if the API serves no Agents. Raises
    `TransientError` and `PermanentError`. In both cases nothing is known, so that facts of an earlier read still hold.
    """
    wanted = PagedList(
        kind=AGENT,
        parse=parse_facts_page,
        role=HEALTH_ROLE,
        page_size=MAX_AGENTS_PER_PAGE,
        max_pages=_MAX_FACTS_PAGES,
        max_page_bytes=_MAX_FACTS_BYTES,
    )
    pages = read_pages(requests, wanted)
    if pages is None:
        return None
    return {facts.name: facts for page in pages for facts in page.facts}


def _read_heartbeat(requests: ApiRequests, kind: Kind, name: str) -> Heartbeat | None:
    body = requests.get(
        f"/apis/{kind.api_version}/namespaces/{requests.target.namespace}/{kind.plural}/{quote(name)}",
        {},
        f"{kind.plural}.{kind.group}",
        role=HEALTH_ROLE,
        max_bytes=PARTIAL_LIMITS.size,
    )
    with PARSING:
        return parse_heartbeat(body)
