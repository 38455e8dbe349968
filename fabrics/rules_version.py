"""The version of the rules that make drift and inventories from the states.

While nothing changes, loops do not compare their inventories with NetBox. A new version makes every loop compare
once. Raise `RULES_VERSION` whenever the same two states lead to another result: after a change of normalization,
schemas, drift or inventory plans. New names and reworded messages need no new version.
"""

from typing import Final

RULES_VERSION: Final = 2
