"""What elements are compared with when what is stored is judged again: as it stands, or stood."""

from collections.abc import Mapping

from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.quality.algorithm import Needs
from dqmstream.quality.compiled import CompiledWorkspace
from dqmstream.quality.inputs import Chosen, NoReference, Wanted
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.comparing import Data, compared, standing_compared

__all__ = ["ReferencesOfThen", "StandingReferences"]

_UNJUDGED = "not judged: "
_NO_REFERENCE = f"{_UNJUDGED}no reference"


class StandingReferences:
    """The references that stand in a catalogue.

    Parameters
    ----------
    catalogue
        Which there are.
    data
        Contents of a version, if they are in memory.
    """

    def __init__(self, catalogue: Catalogue, data: Data) -> None:
        self._catalogue = catalogue
        self._data = data

    def __call__(self, wanted: Wanted) -> Chosen:
        """What to compare one element with, or why there is nothing."""
        return standing_compared(self._catalogue.standing(wanted), wanted, self._data)


class ReferencesOfThen:
    """The versions that reports name, whatever stands now.

    That an element had no reference is taken from its report: which were tried, and how each stood
    then, the catalogue does not remember.

    Parameters
    ----------
    then
        The reports.
    workspace
        The tests by which they were made.
    catalogue
        All versions there are.
    data
        Contents of a version; None if they are gone.

    Attributes
    ----------
    others
        Paths of elements that had none, and for which the catalogue would now say something else.
    """

    def __init__(
        self,
        then: QualityReports,
        workspace: CompiledWorkspace,
        catalogue: Catalogue,
        data: Data,
    ) -> None:
        self._catalogue = catalogue
        self._data = data
        self._standing = StandingReferences(catalogue, data)
        self._versions, self._none = _asked(then, workspace)
        self.others: set[str] = set()

    def __call__(self, wanted: Wanted) -> Chosen:
        """What the element was compared with then."""
        key = (wanted.kind, wanted.path, wanted.name)
        ids = self._versions.get(key, ())[: wanted.most]
        if ids:
            found = [one for each in ids if (one := self._catalogue.get(each)) is not None]
            return compared(found, wanted, self._data, f"versions {', '.join(ids)} are gone")
        now = self._standing(wanted)
        why = self._none.get(key)
        if why is None or (isinstance(now, NoReference) and now.why == why):
            return now
        self.others.add(wanted.path)
        return NoReference(why)


_Asked = tuple[str, str, str]
"""Kind of reference, path of the element, name of choice."""


def _asked(
    then: QualityReports, workspace: CompiledWorkspace
) -> tuple[Mapping[_Asked, tuple[str, ...]], Mapping[_Asked, str]]:
    """What was given for what was asked for, and why there was nothing."""
    kinds = {
        test.declared.name: (
            "band" if test.algorithm.needs is Needs.BAND else "histogram",
            test.declared.reference,
        )
        for test in workspace.of(then.scope)
    }
    versions: dict[_Asked, tuple[str, ...]] = {}
    none: dict[_Asked, str] = {}
    for report in then.reports:
        if report.qtname not in kinds:
            continue
        kind, name = kinds[report.qtname]
        key = (kind, report.path, name)
        if report.references:
            # Of a chain that several tests were given the first ones, the longest has them all.
            versions[key] = max(versions.get(key, ()), report.references, key=len)
        elif _had_none(report):
            none[key] = report.message.removeprefix(_UNJUDGED)
    return versions, none


def _had_none(report: QualityReport) -> bool:
    return report.outcome is Outcome.NOT_RUN and report.message.startswith(_NO_REFERENCE)
