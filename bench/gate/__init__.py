"""Base and head in turns, from two revisions."""
