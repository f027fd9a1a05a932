"""Whether an agreement is better than chance, by the one-sided exact binomial test.

`scipy.stats.binomtest` computes it; Conover, Practical Nonparametric Statistics (1999), section 3.1, describes it.
"""

LEVEL = 0.05  # a sampler that ignores the label passes the test in at most this share of cases
MARK = " (at chance)"
CAPTION = (
    f"“At chance”: not better than 1 in the number of classes, by a one-sided binomial test at {LEVEL:.0%} over the "
    "samples of one set."
)


def at_chance(agreement: float | None, samples: int | None, classes: int | None) -> bool:
    """Whether an agreement (0..1; None where there is none) shows nothing that a guess would not.

    The number of samples is that of one set, also where the agreement is a mean over seeds: sets of several seeds start
    from the same noise and are not independent.
    """
    if agreement is None or not samples or not classes or not 0 <= agreement <= 1:
        return False
    import scipy.stats  # takes a second, and most tables need none of it

    agreeing = round(agreement * samples)
    return bool(scipy.stats.binomtest(agreeing, samples, 1 / classes, alternative="greater").pvalue > LEVEL)
