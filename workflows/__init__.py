"""Temporal workflows: deterministic only. They decide when; `activities` does, `fabrics` knows what it means."""
