"""One run, mode or device against another."""
