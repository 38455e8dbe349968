"""A fleet whose sources answer at once, with a real worker and a real Temporal server."""
