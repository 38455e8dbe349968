"""Benchmarks; each prints tables and, as the last line, its result as JSON."""
