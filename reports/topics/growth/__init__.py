"""How cost grows along an axis: exponents, where overhead and caches end, what fits in memory, where compiling pays."""
