"""Proofs that take times, for a quiet machine: each prints what it found against what it should."""
