"""Search attributes of the loops, by which the Temporal Web UI filters workflows."""

from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.common import SearchAttributeKey

NAME_ATTRIBUTE: Final = SearchAttributeKey.for_keyword("FabricName")
STATUS_ATTRIBUTE: Final = SearchAttributeKey.for_keyword("FabricStatus")
DRIFT_ATTRIBUTE: Final = SearchAttributeKey.for_int("FabricDrift")
"""The number of drifted objects."""

CONFIG_ATTRIBUTE: Final = SearchAttributeKey.for_keyword("FabricConfig")
"""The hash of the configuration that a loop has applied."""

PROBLEMS_ATTRIBUTE: Final = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
"""What is wrong with a workflow whose task fails again and again. Temporal sets it itself, after five failures unless
it is configured otherwise, and removes it once a task succeeds. Older servers than 1.30 do not have it."""

SEARCH_ATTRIBUTES: Final = {
    key.name: IndexedValueType.ValueType(key.indexed_value_type)
    for key in (NAME_ATTRIBUTE, STATUS_ATTRIBUTE, CONFIG_ATTRIBUTE, DRIFT_ATTRIBUTE)
}
"""Types by name; `starter.py setup` registers them."""
