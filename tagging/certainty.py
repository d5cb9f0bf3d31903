"""Probabilities in words. Pure.

Where the words end follows Sherman Kent, "Words of Estimative Probability" (1964): "almost certain" is 93 % give or
take 6, "probable" 75 % give or take 12. Below that, a tag is a maybe.
"""

from magicroll.imaging.wording import N_

ALMOST_CERTAINLY = 0.87
PROBABLY = 0.63


def in_words(probability: float) -> str:
    """Say how likely something is, 0..1, in words that are marked for translation."""
    if probability >= ALMOST_CERTAINLY:
        return N_("almost certainly")
    return N_("probably") if probability >= PROBABLY else N_("maybe")
