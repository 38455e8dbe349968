"""The beginning and the end of a fabric in this installation."""
