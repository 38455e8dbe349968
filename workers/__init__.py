"""The Temporal workers of `worker.py`, and the process of the workflows."""
