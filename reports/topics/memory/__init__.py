"""Peak memory of every case."""
