"""What was measured in a notebook, a script or a test, shown where it was asked for."""
