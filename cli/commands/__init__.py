"""One module a group of commands; each command is a function that `cli.app` registers."""
