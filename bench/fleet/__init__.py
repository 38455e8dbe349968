"""A fleet whose sources answer at once, with real workers and a real Temporal."""
