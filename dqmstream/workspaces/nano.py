"""What the workspaces of NanoAOD files have in common: the plots of any collection of objects.

Columns are named as NanoAOD names them, see `dqmstream.sources.tables`: the collection `Muon` with
members `pt`, `eta`, ... and per-event columns such as `MET_pt`. Files of other years lack some; an
element that needs one is invalid there, and says which.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND

__all__ = ["CALL", "ETA", "PHI", "number_of_events", "of_objects"]

CALL: Final = "Otherwise call the expert of the object on duty."

ETA: Final = regular(50, -5, 5, label="eta")
PHI: Final = regular(64, -3.2, 3.2, label="phi", unit="rad")


def number_of_events(folder: str) -> Element:
    """How many events reached this workspace."""
    return scalar(
        f"{folder}/events",
        "1",
        combine="sum",
        title="Events",
        description="Steady over lumisections. Zero: no events reach this workspace.",
        draw=TREND,
    )


def of_objects(folder: str, collection: str, plural: str, highest_pt: float) -> Iterator[Element]:
    """How many objects there are, and where: eleven elements for any with `pt`, `eta` and `phi`.

    Parameters
    ----------
    folder
        Of the elements.
    collection
        Of the columns.
    plural
        What the objects are called.
    highest_pt
        Upper end of the spectra in GeV.
    """
    pt = regular(100, 0, highest_pt, label="pt", unit="GeV")
    yield number_of_events(folder)
    yield scalar(
        f"{folder}/objects",
        f"count({collection})",
        combine="sum",
        title=f"Number of {plural}",
        description=f"Steady over lumisections, as the number of events is. {CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/multiplicity",
        integer(0, 30, label=f"{plural} in an event"),
        fill=f"count({collection})",
        title=f"Number of {plural} per event",
        description=f"Falls steeply; a second peak is noise that passes as {plural}. {CALL}",
        draw=Draw(log_y=True, per_lumisection=True),
    )
    yield histogram(
        f"{folder}/pt",
        pt,
        fill=f"{collection}.pt",
        title=f"Transverse momentum of {plural}",
        description=f"Falls smoothly behind the threshold of the trigger; no spikes. {CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/leading_pt",
        pt,
        fill=f"max({collection}.pt)",
        select=f"count({collection}) > 0",
        title=f"Highest transverse momentum of the {plural} of an event",
        description=f"One peak behind the threshold of the trigger. {CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/eta",
        ETA,
        fill=f"{collection}.eta",
        title=f"Eta of {plural}",
        description=f"Symmetric; holes are parts of the detector that are off. {CALL}",
    )
    yield histogram(
        f"{folder}/phi",
        PHI,
        fill=f"{collection}.phi",
        title=f"Phi of {plural}",
        description=f"Flat within the statistics; a hole is a dead sector. {CALL}",
    )
    yield histogram(
        f"{folder}/map",
        ETA,
        PHI,
        fill=(f"{collection}.eta", f"{collection}.phi"),
        title=f"Where {plural} are",
        description=f"Even bands along phi; a single hot cell is noise. {CALL}",
        draw=MAP,
    )
    yield profile(
        f"{folder}/pt_by_eta",
        ETA,
        fill=f"{collection}.eta",
        value=f"{collection}.pt",
        value_range=(0, 10_000),
        title=f"Mean transverse momentum of {plural} by eta",
        description=f"Symmetric and smooth. {CALL}",
    )
    yield profile(
        f"{folder}/pt_by_phi",
        PHI,
        fill=f"{collection}.phi",
        value=f"{collection}.pt",
        value_range=(0, 10_000),
        title=f"Mean transverse momentum of {plural} by phi",
        description=f"Flat within the statistics. {CALL}",
    )
    yield scalar(
        f"{folder}/highest_pt",
        f"{collection}.pt",
        combine="max",
        title=f"Highest transverse momentum of all {plural}",
        description="No steps from one lumisection to the next beyond the statistics.",
        draw=TREND,
    )
