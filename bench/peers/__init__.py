"""Other schedulers that do the same work, run as their users run them."""
