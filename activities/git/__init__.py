"""Git: the files of one directory on one branch, from a bare mirror on the worker's disk."""
