"""What the process that executes activities measures, for Prometheus."""
