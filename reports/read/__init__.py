"""Whatever a file is, as frames and rows."""
