"""Recordings: chunks of events as they go into the log, in a folder with a manifest.

::

    manifest.json                          what is here, with checksums of all of it; written last
    run346373/cms-streamDQM/000012.arrows  one LS of one source: its chunks one after another,
                                           each an Arrow IPC stream as it was sent
    conditions.jsonl                       pile-up, beam mode, DCS, ... of the LSs, if known
    journal.jsonl                          while it is made: what is on the disk already
"""

from playback.recordings.from_sources import record, record_lumisections
from playback.recordings.manifest import Manifest
from playback.recordings.played import RecordedRun
from playback.recordings.recording import Problem, Recording, is_recording
from playback.recordings.writer import RecordingWriter

__all__ = [
    "Manifest",
    "Problem",
    "RecordedRun",
    "Recording",
    "RecordingWriter",
    "is_recording",
    "record",
    "record_lumisections",
]
