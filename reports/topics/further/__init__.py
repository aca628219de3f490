"""Metrics that have a place on the page and no topic of their own."""
