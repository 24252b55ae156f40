"""Longitude and latitude of a UTM box, with the standard library: PROJ would make every poll load it."""

from __future__ import annotations

import math

from tasks.contract.errors import InvalidParams

Box = tuple[float, float, float, float]
SEMI_MAJOR_M, FLATTENING, SCALE = 6378137.0, 1 / 298.257222101, 0.9996


def zone_of(crs: str) -> tuple[int, bool]:
    """Zone and whether it is a southern one, of an EPSG code on WGS 84 (326zz, 327zz) or NAD83 (269zz)."""
    family, zone = divmod(int(crs.removeprefix("EPSG:")), 100)
    if family not in (326, 327, 269) or not 1 <= zone <= 60 or (family == 269 and zone > 23):
        raise InvalidParams(f"{crs} is not a UTM zone; give [dem] lonlat = [west, south, east, north]")
    return zone, family == 327


def lonlat(easting: float, northing: float, zone: int, south: bool) -> tuple[float, float]:
    """Degrees of a point, to better than a metre inside the zone (Snyder 1987, Map Projections, p. 63-64)."""
    e2 = FLATTENING * (2 - FLATTENING)
    ep2 = e2 / (1 - e2)
    arc = (northing - (1e7 if south else 0)) / SCALE
    mu = arc / (SEMI_MAJOR_M * (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256))
    e1 = (1 - math.sqrt(1 - e2)) / (1 + math.sqrt(1 - e2))
    foot = mu + (3 * e1 / 2 - 27 * e1**3 / 32) * math.sin(2 * mu)
    foot += (21 * e1**2 / 16 - 55 * e1**4 / 32) * math.sin(4 * mu) + 151 * e1**3 / 96 * math.sin(6 * mu)
    c, t = ep2 * math.cos(foot) ** 2, math.tan(foot) ** 2
    root = math.sqrt(1 - e2 * math.sin(foot) ** 2)
    n, r = SEMI_MAJOR_M / root, SEMI_MAJOR_M * (1 - e2) / root**3
    d = (easting - 500_000) / (n * SCALE)
    fourth = (5 + 3 * t + 10 * c - 4 * c**2 - 9 * ep2) * d**4 / 24
    lat = foot - n * math.tan(foot) / r * (d**2 / 2 - fourth)
    fifth = (5 - 2 * c + 28 * t - 3 * c**2 + 8 * ep2 + 24 * t**2) * d**5 / 120
    lon = (d - (1 + 2 * t + c) * d**3 / 6 + fifth) / math.cos(foot)
    return math.degrees(lon) + zone * 6 - 183, math.degrees(lat)


def lonlat_box(crs: str, bounds: Box) -> Box:
    """West, south, east, north around a box in a UTM zone: its edges curve, so points along them count."""
    zone, south = zone_of(crs)
    left, bottom, right, top = bounds
    steps = [i / 8 for i in range(9)]
    edge = [(left + (right - left) * s, y) for s in steps for y in (bottom, top)]
    edge += [(x, bottom + (top - bottom) * s) for s in steps for x in (left, right)]
    points = [lonlat(x, y, zone, south) for x, y in edge]
    lons, lats = [p[0] for p in points], [p[1] for p in points]
    return min(lons), min(lats), max(lons), max(lats)
