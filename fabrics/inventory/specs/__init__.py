"""Typed specs of live objects: the fields that the inventory shows."""
