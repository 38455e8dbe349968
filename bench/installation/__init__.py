"""An installation with a real worker, whose traffic and growth are measured."""
