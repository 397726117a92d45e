"""What a shifter is told: what an alarm means, what to do, whom to call. No alarm is without."""

from typing import Final, NamedTuple

from dqmstream.messages.alarms import AlarmKind
from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["Text", "text_of"]


class Text(NamedTuple):
    """For the shifter."""

    meaning: str
    action: str
    contact: str


_EXPERT: Final = "the DQM expert on call"

_TEXTS: Final[dict[AlarmKind, Text]] = {
    "quality": Text(
        "The histogram does not look as its quality test expects.",
        "Look at the plot and at its reference. If other plots of the workspace agree, tell the "
        "expert; if not, note it and go on watching.",
        "the expert on call of the workspace",
    ),
    "error": Text(
        "The quality test itself fails: what it watches is not judged.",
        "Data need not be bad. Look at these plots by eye until the test works again.",
        "whoever wrote the quality test; the trace is in its report",
    ),
    "process": Text(
        "A process has not said for a while that it lives: what it does is not done.",
        "Look whether it was restarted. What depends on it is stale until then.",
        _EXPERT,
    ),
    "lag": Text(
        "A service reads more slowly than the data come: what is shown is old.",
        "Nothing is lost. If it lasts, more processes of the service help.",
        _EXPERT,
    ),
    "source": Text(
        "A source of events was missed when a lumisection closed: its part is not in the plots.",
        "Look whether the source runs. Do not judge plots that it should fill.",
        "the expert on call of the source",
    ),
    "stream": Text(
        "A run goes on, and no events come.",
        "Look at the run control and at the sources before anything else.",
        _EXPERT,
    ),
    "reports": Text(
        "A run goes on, and nothing of this workspace is judged any more.",
        "Take none of its plots for good: what is shown is the last that was known.",
        _EXPERT,
    ),
    "flood": Text(
        "So many alarms came that they have one cause, or few.",
        "Look at the list by workspace; take the first alarms of each, and processes and sources "
        "before plots.",
        _EXPERT,
    ),
    "condition": Text(
        "A service says that something it needs does not work.", "See what it says.", _EXPERT
    ),
}


def text_of(kind: AlarmKind, policy: AlarmPolicy | None = None) -> Text:
    """What the policy says, and where it says nothing, what holds for the kind."""
    usual = _TEXTS[kind]
    if policy is None:
        return usual
    return Text(
        policy.meaning or usual.meaning,
        policy.action or usual.action,
        policy.contact or usual.contact,
    )
