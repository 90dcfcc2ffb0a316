"""How often intervals contain the planted value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from labctl.analysis.estimates import Estimate

Planted = dict[str, tuple[Estimate, float]]
REPETITIONS = 300


def check_coverage(
    estimate: Callable[[], Planted], repetitions: int = REPETITIONS, most: float = 0.99
) -> None:
    """Each interval of ``estimate`` contains its planted value in 90 to 99 % of the repetitions."""
    hits: Counter[str] = Counter()
    for _ in range(repetitions):
        hits.update({name: one.contains(truth) for name, (one, truth) in estimate().items()})
    shares = {name: count / repetitions for name, count in hits.items()}
    assert all(0.90 <= share <= most for share in shares.values()), shares
