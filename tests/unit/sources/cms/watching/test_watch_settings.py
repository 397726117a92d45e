"""Settings of a watch that contradict stop the start."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.watching.settings import WatchSettings


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"missing_timeout": 0.0}, "missing_timeout is 0.0, expected a number above 0"),
        ({"most_runs": 0}, "most_runs is 0"),
        ({"streams": ("DQM",)}, "stream 'DQM', expected a name as in file names"),
        ({"read": ReadSettings()}, "files are taken by their names"),
    ],
)
def test_a_watch_that_makes_no_sense_is_refused(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        WatchSettings(**given)  # type: ignore[arg-type]
