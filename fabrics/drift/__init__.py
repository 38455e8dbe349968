"""Drift: the differences that matter between desired and live state of a fabric."""
