"""Encryption of what Temporal stores, and the codec server for its Web UI."""
