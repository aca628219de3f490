"""Every case's values in the order taken."""
