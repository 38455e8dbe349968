"""The local stack: every service that Fabric Sync talks to, started on this machine without Docker.

The demo and the tests use the same code. `stack.stack.Stack` starts Temporal, NetBox with its
database, cache and background worker, and a Git server; each service lives in a module of its own.
"""
