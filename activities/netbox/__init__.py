"""NetBox: its REST API as rows, and what goes wrong with it as sentences."""
