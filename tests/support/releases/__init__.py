"""Several releases of the worker beside each other, some with a mistake."""
