"""One module per group of commands, which `cli.app` registers."""
