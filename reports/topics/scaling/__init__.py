"""Cases with ranks: what more of them give, what wrapping a model costs on one, and how fast their collectives are."""
