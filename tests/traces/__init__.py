"""Traces whose truth is known, because a simulated program made them."""
