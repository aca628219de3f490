"""One rank of several that take part in a step: torchrun, its ranks, and how they are timed together."""
