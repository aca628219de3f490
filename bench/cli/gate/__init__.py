"""`torchpace gate` and `torchpace bisect`: what the two share, and what each adds."""
