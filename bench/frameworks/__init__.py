"""Steps in other frameworks: a process for each framework, how they take turns, and what is asked of their answers."""
