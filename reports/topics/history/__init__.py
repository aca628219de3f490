"""What changed when, over commits."""
