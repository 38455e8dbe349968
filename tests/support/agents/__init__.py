"""Agents for tests: what they print, and what they observe."""
