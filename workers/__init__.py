"""The Temporal workers of `worker.py`, and the process that runs the one for workflows."""
