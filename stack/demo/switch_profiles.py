"""The switch profiles of two models in the demo, as Hedgehog writes them.

They tell the ports of a switch, and the names by which its neighbours know these.

Source: https://github.com/githedgehog/fabric, `pkg/ctrl/switchprofile` in v0.129.
"""

from typing import Final

from stack.kubernetes.manifests import Manifest, Spec

_OFFSETS: Final = {
    "QSFP28-100G": {"1x100G": (0,), "1x40G": (0,), "2x50G": (0, 2), "4x25G": (0, 1, 2, 3)},
    "QSFPDD-400G": {"1x400G": (0,), "1x100G": (0,), "2x200G": (0, 4), "4x100G": (0, 2, 4, 6)},
}
"""The breakout modes of a port, and where the lanes of each begin. The first is the default."""

_DATA_PORTS: Final = 32


def make_switch_profiles() -> list[Manifest]:
    """Return the profiles of both models."""
    return [
        _make_profile("celestica-ds3000", "Celestica DS3000", "QSFP28-100G", lanes=4),
        _make_profile("celestica-ds4000", "Celestica DS4000", "QSFPDD-400G", lanes=8),
    ]


def _make_profile(name: str, display_name: str, port_profile: str, lanes: int) -> Manifest:
    spec = {
        "displayName": display_name,
        "nosType": "sonic-bcm-base",
        "features": {"subinterfaces": True},
        "portProfiles": {
            port_profile: {"breakout": _make_breakout(port_profile)},
            "SFP28-10G": {"speed": {"default": "10G", "supported": ["1G", "10G"]}},
        },
        "ports": {
            "M1": {"nos": "Management0", "management": True, "oniePortName": "eth0"},
            **{
                f"E1/{number}": {
                    "nos": f"1/{number}",
                    "baseNOSName": f"Ethernet{(number - 1) * lanes}",
                    "label": str(number),
                    "profile": port_profile,
                }
                for number in range(1, _DATA_PORTS + 1)
            },
            "E1/33": {
                "nos": f"Ethernet{_DATA_PORTS * lanes}",
                "label": "33",
                "profile": "SFP28-10G",
            },
        },
    }
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "SwitchProfile",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def _make_breakout(port_profile: str) -> Spec:
    modes = _OFFSETS[port_profile]
    supported = {mode: {"offsets": [str(offset) for offset in modes[mode]]} for mode in modes}
    return {"default": next(iter(modes)), "supported": supported}
