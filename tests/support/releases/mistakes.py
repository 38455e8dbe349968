"""Mistakes that a release may have in its workflows."""

from enum import StrEnum


class Mistake(StrEnum):
    """What is wrong with a release."""

    NONE = "none"
    OTHER_COMMANDS = "other commands"
    """Its workflows give other commands, so that older histories do not replay."""
    BUG = "bug"
    """Each task of a loop fails."""
