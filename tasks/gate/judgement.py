"""The reasons a candidate is refused for, in plain sentences; none means that it passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.gate.spec import Params

Figures = Mapping[str, Any]


def reasons(
    candidate: Figures, baselines: Mapping[str, Figures], champion: Figures | None, floors: Params
) -> list[str]:
    """What is wrong with the candidate's test figures, most basic first."""
    found = [
        f"test {name} is {candidate[key]:.3f}, the floor is {floor:.3f}"
        for name, key, floor in (("IoU", "iou", floors.iou), ("F1", "f1", floors.f1))
        if not candidate[key] >= floor
    ]
    for name, figures in sorted(baselines.items()):
        needed = figures["iou"] + floors.margin_over_baselines
        if not candidate["iou"] >= needed:
            found.append(
                f"test IoU is {candidate['iou']:.3f}, the baseline {name.replace('_', ' ')} has {figures['iou']:.3f}; "
                f"at least {needed:.3f} is needed"
            )
    if champion and not candidate["iou"] >= champion["iou"] - floors.max_fall_behind_champion:
        found.append(
            f"test IoU is {candidate['iou']:.3f}, the champion has {champion['iou']:.3f} on the same blocks; "
            f"it may fall behind by {floors.max_fall_behind_champion:.3f} at most"
        )
    return found


def praise(
    candidate: Figures, baselines: Mapping[str, Figures], champion: Figures | None, floors: Params
) -> list[str]:
    """Why a candidate passes."""
    best = max((figures["iou"] for figures in baselines.values()), default=0.0)
    said = [
        f"test IoU {candidate['iou']:.3f} reaches the floor {floors.iou:.3f}",
        f"test F1 {candidate['f1']:.3f} reaches the floor {floors.f1:.3f}",
        f"the best baseline has an IoU of {best:.3f}",
    ]
    return [
        *said,
        f"the champion has {champion['iou']:.3f}" if champion else "there is no champion to compare with",
    ]
