"""`torchpace prove`: what is known is planted on this machine, and the ruler has to find it."""
