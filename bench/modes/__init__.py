"""How a step is made in a mode, and what a measuring process fixes before it is."""
