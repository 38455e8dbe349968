"""The demo: three sample fabrics on the local stack, with a worker that keeps them in sync."""
