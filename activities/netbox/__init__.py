"""NetBox: a client of its REST API, and its errors as sentences."""
