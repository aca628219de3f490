"""A trace as columns, whoever wrote it."""
