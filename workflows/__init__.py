"""Temporal workflows: deterministic; they decide when, `activities` does it."""
