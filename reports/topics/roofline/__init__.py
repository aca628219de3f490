"""What bounds a case."""
