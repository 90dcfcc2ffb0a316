"""Bit error rates as errors of trials, with exact 95 % intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class ErrorRate:
    """Errors of trials with the 95 % Clopper-Pearson interval.

    Without an error ``low`` is 0 and ``high`` the one-sided 95 % bound. Without a trial ``value``,
    ``low`` and ``high`` are None. Trials are programmings: reading the same state again is none.
    """

    errors: int
    trials: int
    value: float | None
    low: float | None
    high: float | None

    @property
    def is_bound(self) -> bool:
        """Trials without an error: only an upper bound is known."""
        return self.trials > 0 and self.errors == 0

    def as_dict(self) -> dict[str, int | float | None]:
        """The five fields, as JSON takes them."""
        return asdict(self)

    def __str__(self) -> str:
        """Text for people.

        >>> print(error_rate(2458, 204800))
        1.2e-2 [1.15e-2, 1.25e-2], 2458 of 204800
        >>> print(error_rate(0, 1024))
        < 2.9e-3 (0 of 1024)
        >>> print(error_rate(0, 0))
        no trials
        """
        if self.value is None or self.low is None or self.high is None:
            return "no trials"
        if self.is_bound:
            return f"< {short_number(self.high, 2)} (0 of {self.trials})"
        interval = f"[{short_number(self.low, 3)}, {short_number(self.high, 3)}]"
        return f"{short_number(self.value, 2)} {interval}, {self.errors} of {self.trials}"


def error_rate(errors: int, trials: int, confidence: float = CONFIDENCE) -> ErrorRate:
    """Rate and Clopper-Pearson interval of ``errors`` in ``trials``, 95 % unless told.

    Two-sided, except that zero errors give the one-sided bound ``1 - 0.05**(1/trials)``.
    Raises ValueError unless 0 <= errors <= trials.

    >>> error_rate(0, 1024).high
    0.002921...
    >>> rate = error_rate(5, 1000)
    >>> f"{rate.low:.6f} {rate.value} {rate.high:.6f}"
    '0.001625 0.005 0.011629'
    """
    from scipy.special import betaincinv

    errors, trials = int(errors), int(trials)
    if not 0 <= errors <= trials:
        raise ValueError(f"{errors} errors of {trials} trials: errors must be 0 to trials")
    if trials == 0:
        return ErrorRate(0, 0, None, None, None)
    tail = 1 - confidence
    if errors == 0:
        return ErrorRate(0, trials, 0.0, 0.0, 1 - tail ** (1 / trials))
    low = float(betaincinv(errors, trials - errors + 1, tail / 2))
    high = 1.0
    if errors < trials:
        high = float(betaincinv(errors + 1, trials - errors, 1 - tail / 2))
    return ErrorRate(errors, trials, errors / trials, low, high)


def short_number(value: float, digits: int) -> str:
    """``value`` with ``digits`` significant digits and a short exponent.

    >>> short_number(0.0120, 2), short_number(1.0, 3)
    ('1.2e-2', '1.00')
    """
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return mantissa if int(exponent) == 0 else f"{mantissa}e{int(exponent)}"
