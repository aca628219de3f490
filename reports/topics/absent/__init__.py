"""What was not measured, and why."""
