"""The local stack: all services that Fabric Sync needs, without Docker.

The demo and the tests share this code. `stack.stack.Stack` starts Temporal, NetBox with its
database, cache and background worker, and a Git server; each service has its own module.
"""
