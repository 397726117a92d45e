"""Playing recorded events again: as other runs, with what goes wrong at a detector, on command."""

from playback.replaying.changed import ChangedRun
from playback.replaying.changes import Changes, parse_changes
from playback.replaying.looped import LoopedRuns
from playback.replaying.steering import Steering

__all__ = ["ChangedRun", "Changes", "LoopedRuns", "Steering", "parse_changes"]
