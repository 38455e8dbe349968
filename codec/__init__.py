"""Encryption of what Temporal stores, and the codec server of its Web UI."""
