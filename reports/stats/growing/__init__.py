"""How a cost grows with a size: curves, the usual shapes of them, and where one comes to lie below another."""
