"""How a cost grows with a size: a + b n^k, in pieces that each have a b and a k. Pure; knows no workload and no file.

Costs are fitted on logarithms, since they span powers of ten and are noisy in proportion. Where one piece ends and the
next begins lies between two sizes, so that a jump is as good a knee as a bend. How many pieces there are, and whether
there is an overhead a, says Akaike's criterion corrected for few points (Hurvich and Tsai, Biometrika 76, 1989), with
two guards: residuals below what launches differ by, or below FLOOR, are no ground for a further piece, and neither is a
bend so slight that n log n has it. What a fit leaves over beyond the launches' noise is taken for noise of the sizes
(Paule and Mandel, J. Res. Natl. Bur. Stand. 87, 1982), and widens every interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from reports.stats.growing.observed import Seen
from reports.stats.growing.power import Fit, Groups, solve
from reports.stats.intervals import CONFIDENCE

FEWEST_SIZES = 3  # of which two make a line and one says whether it is one
PIECE_SIZES, FIRST_SIZES = 3, 4  # of a piece at least; of the first where there is an overhead, which is a number more
MOST_PIECES = 3
FLOOR = 0.02  # real steps are so irregular, as a share: blocks, alignment; less is no reason for a piece
LEAST_BEND = 0.15  # of exponents, between pieces. From 64 to 65536 that of n log n falls by 0.14, without a knee
LEAST_JUMP = 0.15  # likewise of the logarithm of the cost
LARGEST_LOG = 700.0  # of what a float can say
LEAST_OVERHEAD = 5.0  # times the irregularities, as a share of the cost at the smallest size: less may be a bend


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Piece:
    """Sizes from `first` to `last`, over which the cost without its overhead grows as factor * n ** exponent."""

    first: float
    last: float
    factor: float
    exponent: Estimate


@dataclass(frozen=True, slots=True)
class Growth:
    """cost(n) = overhead + factor n^exponent, in the unit of the costs; the overhead is 0 where there is none to see.

    overhead_ends: the size at which the rest costs as much as the overhead. knees: where one piece ends and the next
    begins, fewer by one than there are pieces. misfit: by what share costs lie off the line, typically, beyond what
    launches differ by.
    """

    overhead: float
    pieces: tuple[Piece, ...]
    overhead_ends: Estimate | None
    knees: tuple[Estimate, ...]
    misfit: float

    def at(self, size: float) -> float:
        """The cost at a size, also beyond what was measured."""
        ends = [knee.value for knee in self.knees]
        piece = self.pieces[sum(size > end for end in ends)]
        return self.overhead + piece.factor * float(size**piece.exponent.value)

    def jump(self, number: int) -> float:
        """How many times as much it costs beyond a knee as before it, at the very size; 1 where the lines meet."""
        size, (before, after) = self.knees[number].value, self.pieces[number : number + 2]
        costs = [self.overhead + piece.factor * float(size**piece.exponent.value) for piece in (before, after)]
        return costs[1] / costs[0]

    def reaches(self, cost: float) -> float | None:
        """The size beyond which it costs more than this, as its last piece goes on; None where it never does."""
        last = self.pieces[-1]
        if last.exponent.low <= 0 or cost <= self.overhead:
            return None
        log = math.log((cost - self.overhead) / last.factor) / last.exponent.value
        return math.exp(log) if log < LARGEST_LOG else None


def growth_of(data: Seen, most_pieces: int = MOST_PIECES, floor: float = FLOOR) -> Growth | None:
    """The pieces that explain the costs; None of too few sizes. floor: irregularities that are no ground for one."""
    count = len(data.sizes)
    if count < FEWEST_SIZES:
        return None
    best: Fit | None = None
    score = math.inf
    for groups, has_overhead in candidates(count, most_pieces):
        # An overhead; a factor and an exponent a piece; where one ends.
        numbers = has_overhead + 3 * len(groups) - 1
        penalty = penalty_of(numbers, count)
        if penalty >= score:
            continue
        fit = solve(np.log(data.sizes), data.logs, np.hypot(data.errors, floor), groups, has_overhead)
        if fit is None or not is_plain(fit, data, floor):
            continue
        own = penalty + count * math.log(max(1.0, fit.chi2 / count))
        if own < score:
            best, score = fit, own
    assert best is not None, "one piece without an overhead always is a fit"
    return described(best, data)


def candidates(count: int, most_pieces: int) -> Iterator[tuple[Groups, bool]]:
    """How so many sizes may be cut into pieces, and whether with an overhead; simple ones first."""
    for pieces in range(1, most_pieces + 1):
        for has_overhead in (False, True):
            for cuts in itertools.combinations(range(1, count), pieces - 1):
                ends = (0, *cuts, count)
                lengths = np.diff(ends)
                enough = pieces == 1 or min(lengths) >= PIECE_SIZES
                if enough and (not has_overhead or lengths[0] >= FIRST_SIZES):
                    yield tuple(itertools.pairwise(ends)), has_overhead


def penalty_of(numbers: int, count: int) -> float:
    """What so many numbers of a fit cost, given so many sizes; the variance of the residuals is one more."""
    if numbers == 2:  # the simplest fit needs no ground
        return 2.0 * numbers
    left = count - numbers - 1
    return 2.0 * numbers * count / left if left > 0 else math.inf


def is_plain(fit: Fit, data: Seen, floor: float) -> bool:
    """Whether what a fit claims is large enough to be spoken of: its overhead, and each bend or jump."""
    logs = np.log(data.sizes)
    if fit.has_overhead:
        share = math.exp(fit.overhead - np.logaddexp(fit.overhead, fit.line(0, logs[0])))
        unseen = floor >= FLOOR and fit.overhead_ends() > logs[-1]  # of what is counted, a small rest is seen, too
        if share < LEAST_OVERHEAD * floor or fit.exponent(0) < LEAST_BEND or unseen:
            return False
    for number, (_, end) in enumerate(fit.groups[:-1]):
        middle = (logs[end - 1] + logs[end]) / 2
        bend = abs(fit.exponent(number + 1) - fit.exponent(number))
        jump = abs(fit.line(number + 1, middle) - fit.line(number, middle))
        if bend < LEAST_BEND and jump < LEAST_JUMP:
            return False
    return True


def described(fit: Fit, data: Seen) -> Growth:
    """The chosen fit with its intervals."""
    logs = np.log(data.sizes)
    fit, misfit = with_misfit(fit, data)
    freedom = (len(logs) - len(fit.numbers)) if misfit or not data.freedom else data.freedom
    times = float(stdtrit(max(freedom, 1.0), (1 + CONFIDENCE) / 2))
    pieces = tuple(
        Piece(
            float(data.sizes[begin]), float(data.sizes[end - 1]), math.exp(fit.line(number, 0.0)),
            around(fit.exponent(number), times * fit.error(fit.exponent_gradient(number))),
        )
        for number, (begin, end) in enumerate(fit.groups)
    )  # fmt: skip
    ends = None
    if fit.has_overhead:
        ends = exponential(around(fit.overhead_ends(), times * fit.error(fit.overhead_ends_gradient())))
    knees = tuple(knee(fit, number, logs, times) for number in range(len(pieces) - 1))
    return Growth(math.exp(fit.overhead) if fit.has_overhead else 0.0, pieces, ends, knees, misfit)


def with_misfit(fit: Fit, data: Seen) -> tuple[Fit, float]:
    """The fit with as much noise of the sizes as explains its residuals, and that noise; 0 where launches' do.

    Of costs without any error of their own all of the residuals are such noise.
    """
    logs, free = np.log(data.sizes), len(data.sizes) - len(fit.numbers)

    def refit(extra: float) -> Fit:
        errors = np.maximum(np.hypot(data.errors, extra), 1e-9)
        return solve(logs, data.logs, errors, fit.groups, fit.has_overhead) or fit

    plain = refit(0.0)
    if free <= 0 or plain.chi2 <= free:
        return plain, 0.0
    low, high = 0.0, float(np.abs(data.logs - fit.predicted(logs)).max()) * math.sqrt(len(logs)) + 1e-6
    for _ in range(25):
        middle = (low + high) / 2
        low, high = (middle, high) if refit(middle).chi2 > free else (low, middle)
    return refit(high), high


def knee(fit: Fit, number: int, logs: np.ndarray, times: float) -> Estimate:
    """Where a piece ends: where its line meets the next one's, if that is about where the sizes say; else between them.

    The interval reaches at least over the two sizes between which it lies, unless the lines meet.
    """
    end = fit.groups[number][1]
    before, after = float(logs[end - 1]), float(logs[end])
    meets, error = fit.crossing(number)
    room = after - before
    if before - room <= meets <= after + room and times * error < room:
        return exponential(around(meets, times * error))
    return exponential(Estimate((before + after) / 2, before, after))


def around(value: float, half: float) -> Estimate:
    """A value and as much on both sides."""
    return Estimate(value, value - half, value + half)


def exponential(found: Estimate) -> Estimate:
    """What logarithms stand for."""
    return Estimate(*(math.exp(min(LARGEST_LOG, each)) for each in (found.value, found.low, found.high)))
