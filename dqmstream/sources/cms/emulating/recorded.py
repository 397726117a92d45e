"""A recorded streamer file, as a plan needs to know it: where its messages end."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from dqmstream.errors import SourceError
from dqmstream.sources.cms.jsn import Jsn, JsnForm
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.listing import list_streamer_files
from dqmstream.sources.cms.messages import EVENT, INIT, decode_event
from dqmstream.sources.cms.pair import find_pair, parse_name
from dqmstream.sources.cms.reader import FrameReader

__all__ = ["RecordedFile", "read_recorded"]


class RecordedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole data file.

    `events` are the bytes at which its events end, in rising order; `ending` is how its name ends.
    """

    path: Path
    stream: str
    ending: str
    jsn: Jsn
    size: int
    events: tuple[int, ...]

    def readable(self, size: int) -> int:
        """Events within the first `size` bytes."""
        return sum(end <= size for end in self.events)


def read_recorded(
    paths: Iterable[Path], limits: Limits | None = None
) -> dict[str, tuple[RecordedFile, ...]]:
    """Files and folders of them, by stream, in the order of data taking. Blocks.

    Raises
    ------
    SourceError
        If one is not whole, or there are none: what is broken shall be the plan's doing.
    """
    limits = limits or Limits()
    listing = list_streamer_files(paths, limits=limits)
    found: dict[str, list[RecordedFile]] = {}
    for group in listing.groups:
        for path in group.paths:
            one = _recorded(path, limits)
            found.setdefault(one.stream, []).append(one)
    if not found:
        skipped = "; ".join(f"{s.path}: {s.detail}" for s in listing.skipped[:5])
        raise SourceError("no_files", f"no streamer file to emulate from ({skipped or 'none'})")
    return {stream: tuple(files) for stream, files in sorted(found.items())}


def _recorded(path: Path, limits: Limits) -> RecordedFile:
    name = parse_name(path.name)
    if name is None:
        detail = f"{path.name}: expected a name as run346373_ls0027_streamDQM_host.jsn"
        raise SourceError("file_name", detail)
    pair = find_pair(path, limits)
    dat = pair.existing_dat()
    size = dat.stat().st_size
    with dat.open("rb") as stream:
        frames = FrameReader(stream, size, limits)
        ends = tuple(_event_ends(frames))
        if frames.fault is not None:
            raise SourceError(frames.fault.reason, f"{dat}: {frames.fault.detail}")
    jsn = pair.jsn or Jsn(
        form=JsnForm.DQM, processed=len(ends), accepted=len(ends), errors=0, file=dat.name
    )
    return RecordedFile(
        path=dat, stream=name.stream, ending=name.ending, jsn=jsn, size=size, events=ends
    )


def _event_ends(frames: FrameReader) -> Iterator[int]:
    for number, frame in enumerate(frames):
        if number == 0 and frame.code != INIT:
            raise SourceError("init_missing", f"first message has code {frame.code}")
        if frame.code == EVENT and not decode_event(frame.message).is_metadata:
            yield frame.offset + len(frame.message)
