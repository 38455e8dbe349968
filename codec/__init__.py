"""Encryption of what Temporal stores, and the codec server with which its Web UI shows that."""
