"""A fabric's inventory in NetBox: read, compare, write, and delete with care."""
