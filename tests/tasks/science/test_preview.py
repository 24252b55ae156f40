"""The picture of a map."""

import numpy as np

from tasks.science.preview import PREDICTED, draw


def test_three_panels_with_truth_and_two_without():
    shade, probability = np.full((90, 60), 0.5, np.float32), np.zeros((90, 60), np.float32)
    titles = [
        [axis.get_title() for axis in draw(shade, probability, 0.42, truth, "Scarps").axes]
        for truth in (np.zeros((90, 60), np.uint8), None)
    ]
    panels = ["hillshade", "prediction, probability ≥ 0.42", "truth"]
    assert titles == [panels, panels[:2]]


def test_the_overlay_lies_where_the_probability_reaches_the_threshold():
    probability = np.zeros((90, 60), np.float32)
    probability[10:20, 30:40] = 0.5
    figure = draw(np.full((90, 60), 0.5, np.float32), probability, 0.5, None, "Scarps")
    overlay = figure.axes[1].get_images()[1].get_array()
    assert np.argwhere(overlay[..., 3] > 0).min(0).tolist() == [10, 30]
    assert (overlay[..., 3] > 0).sum() == 100
    assert np.allclose(overlay[15, 35, :3], [int(PREDICTED[i : i + 2], 16) / 255 for i in (1, 3, 5)])
