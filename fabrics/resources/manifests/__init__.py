"""Manifest files in Git, parsed as Kubernetes parses them into the desired state."""
