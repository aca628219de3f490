"""A run along an axis: which sizes it comes to, by doubling, and how each is measured."""
