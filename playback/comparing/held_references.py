"""What a side's quality tests compare with: files of histograms, and the catalogue of a system."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dqmstream.errors import MessageError, SourceError
from dqmstream.histograms.layout import Layout
from dqmstream.identity import content_hash
from dqmstream.quality.inputs import Chosen, ChosenReference, NoReference, Wanted
from dqmstream.references.choosing import ChoosingReferences
from dqmstream.references.saved import read_catalogue
from dqmstream.references.uploaded import fit_upload
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.reading import open_files

__all__ = ["HeldReferences", "held_references"]


class HeldReferences:
    """References as judging asks for them; what was used is remembered.

    Parameters
    ----------
    files
        What files have, by workspace and path: it goes before the catalogue.
    catalogue
        What is chosen else; None if there is no catalogue.
    """

    def __init__(
        self,
        files: Mapping[tuple[str, str], ChosenReference],
        catalogue: Callable[[Wanted], Chosen] | None = None,
    ) -> None:
        self._files, self._catalogue = files, catalogue
        self._used: dict[str, str] = {}

    def __call__(self, wanted: Wanted) -> Chosen:
        """What to compare one element with, or why there is nothing."""
        found = self._chosen(wanted)
        if not isinstance(found, NoReference):
            for one in found if isinstance(found, tuple) else (found,):
                self._used[one.version] = f"{wanted.workspace}: {one.name} ({one.version})"
        return found

    def _chosen(self, wanted: Wanted) -> Chosen:
        of_file = self._files.get((wanted.workspace, wanted.path))
        if of_file is not None and wanted.kind == "histogram":
            return (of_file,)
        if self._catalogue is not None:
            return self._catalogue(wanted)
        return NoReference(f"no {wanted.kind} among the files of the configuration")

    @property
    def notes(self) -> tuple[str, ...]:
        """The versions that were compared with so far, or that there were none."""
        if self._used:
            return (f"references: {', '.join(sorted(self._used.values()))}",)
        if self._files or self._catalogue is not None:
            return ("references: none was asked for, or good for this run",)
        return ("no references: quality tests that need one do not run",)


def held_references(
    files: Sequence[str], catalogue: str, layouts: Sequence[Layout]
) -> HeldReferences:
    """References of files, the last that has an element first, and then of a saved catalogue.

    Parameters
    ----------
    catalogue
        File that `dqmstream references save` wrote; empty for none.

    Raises
    ------
    ConfigurationError
        If the catalogue cannot be read.
    SourceError
        If a file cannot.
    """
    known: dict[tuple[str, str], ChosenReference] = {}
    for file in files:
        known.update(_of_file(Path(file), layouts))
    if not catalogue:
        return HeldReferences(known)
    saved = read_catalogue(Path(catalogue), {layout.workspace for layout in layouts})
    return HeldReferences(known, ChoosingReferences(saved.catalogue, saved.data))


def _of_file(
    file: Path, layouts: Sequence[Layout]
) -> Iterator[tuple[tuple[str, str], ChosenReference]]:
    """What a file has of each workspace, by workspace and path."""
    (opened,) = open_files([file], Description())
    found = list(opened.histograms())
    for layout in layouts:
        try:
            contents = fit_upload(found, layout.workspace, layout).contents
        except MessageError as error:
            if error.reason == "empty_reference":
                continue  # a file of other workspaces
            raise SourceError(error.reason, f"reference {file}: {error.detail}") from error
        version = content_hash([opened.incarnation, layout.workspace])
        for place in contents.layout:
            yield (
                (layout.workspace, place.element.path),
                ChosenReference(version=version, name=file.name, contents=contents, element=place),
            )
