"""Where a photo was taken, if what was written down can be a place."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """WGS 84 degrees; metres above the sea."""

    latitude: float
    longitude: float
    altitude_m: float | None = None


def as_place(latitude: float | None, longitude: float | None, altitude_m: float | None) -> Place | None:
    """Make a place of two coordinates, or None: out of range, not finite, or 0,0 (how devices say "none")."""
    if latitude is None or longitude is None:
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    if altitude_m is not None and not -12_000 < altitude_m < 100_000:  # deepest trench; edge of space
        altitude_m = None
    return Place(latitude, longitude, altitude_m)
