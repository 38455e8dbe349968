"""The domain in pure Python: no I/O, no clients, no workflow engine.

Functions take bytes and dictionaries and return typed values. They can be tested in milliseconds
and used by activities, workflows and the command line alike.
"""
