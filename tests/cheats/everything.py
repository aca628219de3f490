"""All cheats, for a process that is told one module."""

from tests.cheats import corpus

corpus()
