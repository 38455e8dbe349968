"""Kubernetes: access to a fabric's API, and the live state that it returns."""
