"""How fast the machine was while figures were taken, by a loop that is the same everywhere."""
