"""Three ways to add up the paths of a lattice: by probabilities, by logarithms, the best path only.

CTC's recursion multiplies along a path and adds over paths. Any pair of operations that obey the
same laws, a semiring, can stand for the product and the sum; the recursion stays the same:

=================  ===========  ==================  ================================
semiring           times        plus                used for
=================  ===========  ==================  ================================
`Probabilities`    a b          a + b               the loss, where float64 suffices
`Logs`             a + b        log(e^a + e^b)      the loss elsewhere
`BestPath`         a + b        max(a, b)           forced alignment (Viterbi)
=================  ===========  ==================  ================================

`Probabilities` needs neither exponentials nor logarithms. But 1000 frames may have a probability of
e^-2000, and float64 ends at e^-708: its rows are rescaled every few frames, and what is still too
small becomes 0. `ds2np.ctc.recursion` detects where that matters.
"""

LOG_ZERO = -1e25  # log 0: finite, since -inf - -inf is nan


class Probabilities:
    """Products and sums of probabilities."""

    zero, one = 0.0, 1.0
    PEAK = 1e140  # what a row is scaled to: far above 1e-308, yet alpha times beta is below 1e308

    def __init__(self, xp):
        self.xp, self.times, self.plus = xp, xp.multiply, xp.add
        self.from_logs, self.to_logs = xp.exp, xp.log

    def rescale(self, row):
        """Scale a row (2, S, N) in place so that each direction and utterance has the sum `PEAK`.

        Returns the divisors, (2, N).
        """
        divisor = self.xp.full(row.shape[1], 1 / self.PEAK) @ row
        divisor += divisor == 0  # nothing to scale
        row /= divisor[:, None]
        return divisor

    def to_probabilities(self, numbers, log_factor):
        """Multiply in place by a factor, given as its log."""
        numbers *= self.xp.exp(log_factor)
        return numbers


class Logs:
    """Sums and log-sum-exps of log-probabilities: exact over any range, but slower."""

    zero, one = LOG_ZERO, 0.0

    def __init__(self, xp):
        self.xp, self.times = xp, xp.add

    def plus(self, a, b, out):
        """Compute log(e^a + e^b) = max(a, b) + log(1 + e^-|a - b|), which does not overflow."""
        xp = self.xp
        gap = xp.subtract(a, b)
        gap = xp.copysign(gap, -1, out=gap)  # -|a - b|
        xp.log1p(xp.exp(gap, out=gap), out=gap)
        return xp.add(xp.maximum(a, b, out=out), gap, out=out)

    def from_logs(self, logs, out):
        """Copy logs; -inf becomes `LOG_ZERO`."""
        return self.xp.maximum(logs, LOG_ZERO, out=out)

    def to_logs(self, numbers):
        """Return the logs, with -inf for log 0."""
        return self.xp.where(numbers < LOG_ZERO / 2, -self.xp.inf, numbers)

    def rescale(self, row):
        """Leave a row as it is."""
        return 1.0

    def to_probabilities(self, numbers, log_factor):
        """Multiply in place by a factor, given as its log, and exponentiate."""
        numbers += log_factor
        return self.xp.exp(numbers, out=numbers)


class BestPath(Logs):
    """The largest log-probability for the sum: alpha becomes the score of the best path."""

    def plus(self, a, b, out):
        """Return the larger one."""
        return self.xp.maximum(a, b, out=out)
