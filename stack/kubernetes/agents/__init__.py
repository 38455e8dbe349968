"""Simulated agents of switches and gateways: what they report, and how they fail."""
