"""Kubernetes: how to reach a fabric's API, and all that it holds of a fabric."""
