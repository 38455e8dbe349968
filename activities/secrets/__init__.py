"""Secrets: where the worker's own come from, and files that leave no copy of one."""
