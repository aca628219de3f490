"""Has callgrind count from here on, in processes that are forked from one that it runs. After all other imports.

To begin throws all away that Valgrind has translated, which takes two seconds after an import of torch.
"""

from bench.counts import callgrind

callgrind.begin()
