"""Whether a step that was timed does its work at every call, for whatever it is given, within its own time.

Nothing in here is timed for a record. Whoever writes a step, or a program that is rewarded for fast ones, may have it
look fast: by answers that are kept, work that is put off or done elsewhere, clocks and checks that are replaced.
"""
