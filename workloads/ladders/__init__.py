"""The primer's loops with one change a rung."""
