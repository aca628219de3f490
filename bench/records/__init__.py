"""What was measured, as plain data and on disk. Imports no torch."""
