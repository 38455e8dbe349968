"""The demo: three sample fabrics on the local stack, and a worker."""
