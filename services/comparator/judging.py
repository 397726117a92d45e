"""What the comparator does with a batch of records, in a worker thread: bytes in, messages out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import MessageError, WindowError
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.topics import QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.quality.comparison import Comparison
from dqmstream.quality.terse import terse
from dqmstream.transport.log import Outgoing, Record, TopicPartition
from dqmstream.transport.outgoing import outgoing
from services.comparator.compiled_tests import CompiledShelf
from services.dead_letters import dead_letter
from services.monitoring.durations import Durations

__all__ = ["ComparatorProgress", "Judged", "Judging"]

_LARGEST: Final = 7 << 20
"""Bytes of one message: below what topics take."""


@dataclass(slots=True)
class ComparatorProgress:
    """Counts since start, for heartbeats and metrics.

    `published` counts messages of reports, `outcomes` the reports in them; `refused` records that
    went to the dead topic and `ignored` pieces not used, both by reason. `judging` is the time
    from a closing piece to its reports, by workspace; `positions` and `lag` are in offsets.
    """

    records: int = 0
    published: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    judging: dict[str, Durations] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    lag: dict[TopicPartition, int] = field(default_factory=dict)
    run: int | None = None
    lumisection: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What the first `records` of a batch led to; `unknown` is a booking to look up then."""

    outgoing: list[Outgoing]
    records: int
    unknown: str = ""


class Judging:
    """Judges the records of one group member.

    Parameters
    ----------
    shelf
        Tests compiled for bookings.
    clock
        For the time that reports are stamped with.
    progress
        Counts to keep up to date.
    """

    def __init__(self, shelf: CompiledShelf, clock: Clock, progress: ComparatorProgress) -> None:
        self._shelf = shelf
        self._clock = clock
        self._progress = progress
        self._logger = structlog.get_logger().bind(service="comparator")

    def judge(self, comparison: Comparison, batch: Sequence[Record]) -> Judged:
        """Records up to one whose booking has to be looked up first."""
        messages: list[Outgoing] = []
        for number, record in enumerate(batch):
            try:
                piece = _histogram_set(record)
                if self._shelf.worth_a_look(piece.booking):
                    return Judged(outgoing=messages, records=number, unknown=piece.booking)
                reports = self._apply(comparison, piece, record.offset)
            except Exception as error:
                # Whatever is in a record, it costs no more than itself.
                messages.append(self._dead(record, error))
            else:
                messages += [message for one in reports if (message := self._wired(one))]
            self._progress.records += 1
        return Judged(outgoing=messages, records=len(batch))

    def renew(
        self, comparison: Comparison, lumisections: Sequence[tuple[int, int]] | None
    ) -> list[Outgoing]:
        """Reports of LSs (run, LS) whose conditions have changed; of all by default."""
        reports = comparison.renew(lumisections, made=self._clock.wall())
        return [message for one in reports if (message := self._wired(one))]

    def _apply(
        self, comparison: Comparison, piece: HistogramSet, offset: int
    ) -> list[QualityReports]:
        if self._shelf(piece.booking) is None:
            detail = f"{piece.key}: booking {piece.booking!r} was never announced"
            raise MessageError("unknown_booking", detail)
        began = self._clock.monotonic()
        reports = comparison.apply(piece, offset, made=self._clock.wall())
        if reports:
            durations = self._progress.judging.setdefault(piece.workspace, Durations())
            durations.note(self._clock.monotonic() - began)
        return reports

    def _wired(self, reports: QualityReports) -> Outgoing | None:
        key = reports.workspace.encode()
        message = outgoing(QUALITY, 0, reports, key)
        if message.size() > _LARGEST:
            message = outgoing(QUALITY, 0, terse(reports), key)
        if message.size() > _LARGEST:
            self._progress.refused["reports_too_large"] += 1
            self._logger.error(
                "reports too large to publish",
                run=reports.run,
                lumisection=reports.lumisection,
                workspace=reports.workspace,
                reports=len(reports.reports),
                bytes=message.size(),
            )
            return None
        self._progress.published += 1
        self._progress.outcomes.update(report.outcome.value for report in reports.reports)
        self._progress.run, self._progress.lumisection = reports.run, reports.lumisection
        return message

    def _dead(self, record: Record, error: Exception) -> Outgoing:
        reason = _reason(error)
        self._progress.refused[reason] += 1
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._logger.error(
            "record refused",
            **place,
            reason=reason,
            error=str(error),
            exc_info=error if reason == "unusable" else None,
        )
        return dead_letter(record, reason, f"comparator: {error}")


def _histogram_set(record: Record) -> HistogramSet:
    message = CODEC.decode(record.headers, record.value)
    if not isinstance(message, HistogramSet):
        detail = f"{type(message).__name__} on {record.topic}, expected a HistogramSet"
        raise MessageError("unexpected_type", detail)
    return message


def _reason(error: Exception) -> str:
    match error:
        case MessageError():
            return error.reason
        case WindowError():
            return "contradiction"
    return "unusable"
