"""Agents: what the programs on switches and gateways report about themselves."""
