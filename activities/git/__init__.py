"""Git: reads one directory of a branch through a mirror on the worker's disk."""
