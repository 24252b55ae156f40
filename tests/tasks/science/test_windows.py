"""Windows cover a raster once."""

import numpy as np

from tasks.science.windows import Window, windows


def test_windows_cover_every_cell_once():
    seen = np.zeros((70, 45), int)
    for window in windows(70, 45, 32):
        seen[window.slices] += 1
    assert (seen == 1).all()


def test_a_grown_window_shifted_by_its_halo_starts_at_the_origin():
    assert Window(0, 0, 10, 20).grown(3).shifted(3, 3) == Window(0, 0, 16, 26)
