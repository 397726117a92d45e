"""One look at all watched folders: what is new in them, and what has gone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.watching.sighting import FolderView, Sighting, look, run_folders, view

__all__ = ["FolderScanner", "Scan"]


@dataclass(slots=True)
class Scan:
    """What was found: the views of all run folders, files by LS, and (run, stream, path) gone.

    `fresh` counts the files among those seen that were not there before.
    """

    views: dict[Path, FolderView] = field(default_factory=dict)
    seen: list[Sighting] = field(default_factory=list)
    gone: list[tuple[int, str, Path]] = field(default_factory=list)
    fresh: int = 0


class FolderScanner:
    """Looks into folders; it blocks, and remembers only with which run watching began.

    Parameters
    ----------
    roots
        Folders that hold `runNNNNNN` folders.
    settings
        Which runs and streams are wanted.
    """

    def __init__(self, roots: Iterable[Path], settings: WatchSettings) -> None:
        self._roots = tuple(roots)
        self._settings = settings
        self._limits = Limits()
        self._lowest_run: int | None = None

    def scan(self, known: Mapping[Path, FolderView], troubled: Collection[Path], wall: int) -> Scan:
        """Look into all folders.

        Parameters
        ----------
        known
            Views of the scan before.
        troubled
            Files to be read again.
        wall
            Nanoseconds since 1970.
        """
        scan = Scan(self._views(known, wall))
        for folder, before in known.items():
            names = scan.views[folder].names if folder in scan.views else {}
            for path, name in before.names.items():
                if path not in names:
                    scan.gone.append((before.run, name.stream, path))
        for folder, now in scan.views.items():
            had = known[folder].names if folder in known else {}
            for path, name in now.names.items():
                if (path not in had or path in troubled) and self._is_wanted(name.stream):
                    sighting = look(path, name, self._limits)
                    if sighting is not None:
                        scan.seen.append(sighting)
                        scan.fresh += path not in had
        scan.seen.sort(key=lambda one: (one.lumisection, one.path))
        return scan

    def _views(self, known: Mapping[Path, FolderView], wall: int) -> dict[Path, FolderView]:
        folders = {
            folder: run
            for folder, run in run_folders(self._roots).items()
            if self._settings.run in {None, run}
        }
        if self._lowest_run is None:
            begins = self._settings.newest and folders
            self._lowest_run = max(folders.values()) if begins else 0
        views = {}
        for folder, run in folders.items():
            found = view(folder, run, wall, known.get(folder))
            if found is not None and run >= self._lowest_run:
                views[folder] = found
        return views

    def _is_wanted(self, stream: str) -> bool:
        return not self._settings.streams or stream in self._settings.streams
