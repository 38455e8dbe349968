"""The domain, pure Python: no I/O, no clients, no workflow engine.

Bytes and dictionaries come in, typed values go out, so that everything here can be tested in
milliseconds and reused by activities, workflows and the command line alike.
"""
