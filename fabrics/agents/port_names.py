"""Names of a switch's ports: in the API, and in its operating system.

Agents report their own ports under API names, `E1/5/1` for the first lane of a port that can be divided. By LLDP a
switch tells the names of its network operating system (NOS), such as `Ethernet48`. These follow from the switch's
profile and its breakouts (`GetAPI2NOSPortsFor` in api/wiring/v1beta1 of githedgehog/fabric).
"""

import re
from collections.abc import Iterator
from typing import Final

from fabrics.agents.wiring import ProfilePort, SwitchProfileSpec, SwitchSpec
from fabrics.resources import spellings

_BASE_NAME: Final = re.compile(r"(?P<prefix>Ethernet)(?P<number>\d{1,6})")
_OFFSET: Final = re.compile(r"\d{1,4}")


def map_nos_ports(switch: SwitchSpec, profile: SwitchProfileSpec) -> dict[str, str]:
    """Return the API names of a switch's ports by their NOS names.

    An undivided port is `E1/5`, its first lane `E1/5/1` the same. Ports whose breakout or names the profile does not
    explain are left out, as are NOS names that two ports would have.
    """
    breakouts = {
        spellings.canonicalize_port(port): mode for port, mode in switch.port_breakouts.items()
    }
    found: dict[str, str] = {}
    ambiguous: set[str] = set()
    for name, port in profile.ports.items():
        for api_name, nos_name in _list_names(name, port, breakouts.get(name), profile):
            if nos_name in found:
                ambiguous.add(nos_name)
            found[nos_name] = api_name
    return {nos: api for nos, api in found.items() if nos and nos not in ambiguous}


def _list_names(
    name: str, port: ProfilePort, stated: str | None, profile: SwitchProfileSpec
) -> Iterator[tuple[str, str]]:
    """Yield the API and the NOS name of a port, or of each of its lanes."""
    port_profile = profile.port_profiles.get(port.profile)
    if port.management or port_profile is None or port_profile.breakout is None:
        yield name, port.nos_name
        return
    mode = port_profile.breakout.supported.get(stated or port_profile.breakout.default)
    base = _BASE_NAME.fullmatch(port.base_nos_name)
    if mode is None or base is None:
        return
    for lane, offset in enumerate(mode.offsets, 1):
        if _OFFSET.fullmatch(offset):
            api_name = spellings.canonicalize_port(f"{name}/{lane}")
            yield api_name, f"{base['prefix']}{int(base['number']) + int(offset)}"
