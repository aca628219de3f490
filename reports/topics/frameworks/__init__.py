"""One step in several frameworks: which is fastest, by how much, and what besides was not the same."""
