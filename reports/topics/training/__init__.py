"""How long training takes, and where it leads."""
