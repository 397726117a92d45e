"""Histograms and profiles in UHI's JSON form; scalars and texts are no histograms."""

from collections.abc import Sequence
from typing import Any

from dqmstream.export.about import Exported

__all__ = ["to_uhi_document"]


def to_uhi_document(exported: Sequence[Exported]) -> dict[str, Any]:
    """Histograms by path, each with what is known of it in its metadata; paths of those left out.

    The metadata of UHI holds plain values only, so lists are written as texts there.
    """
    histograms: dict[str, Any] = {}
    left_out: list[str] = []
    for each in exported:
        if not each.place.planes:
            left_out.append(each.path)
            continue
        uhi = each.element.to_uhi()
        words = each.about.words()
        words["lumisections"] = words.pop("covered")
        words["marks"] = ", ".join(words["marks"])
        words["late"] = words["late"] or ""
        uhi["metadata"] |= words
        if each.about.booking:
            # The contents may be a part of what was booked.
            uhi["writer_info"] = {"dqmstream": {"booking": each.about.booking}}
        histograms[each.path] = uhi
    return {"histograms": histograms, "left_out": left_out}
