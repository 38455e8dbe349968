"""Accepted differences: rules beside the manifests, and what they accept."""
