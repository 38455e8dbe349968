"""The operator's command line: everything behind `starter.py`."""
