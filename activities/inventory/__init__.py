"""A fabric's inventory in NetBox: read what is there, write the difference, delete with care."""
