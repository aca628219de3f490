"""How long a single call takes."""
