"""The `.jsn` files: four forms, told apart, and written as they are read."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import SourceError
from dqmstream.sources.cms.jsn import Jsn, JsnForm, decode_jsn, encode_jsn, read_jsn
from dqmstream.sources.cms.limits import Limits

MERGED = b'{"data": [49864, 8, 1, "a.dat", 10162176, 4046738194, 519, 61072, 0, "Failsafe"]}'
DQM = b'{"data": ["50", "47", "1", "a.dat", "892", "x.raw", "17914", "", "DAT", "0"], "source": ""}'
RAW = b'{"data": ["100", "99", "1", "0", "a.dat", "2914", "", "3559879391", "", "DAT", "0"]}'
TEST = b'{"data": ["10", "9", "a.dat"]}'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (MERGED, (JsnForm.MERGED, 49864, 8, 1, 10162176, 4046738194)),
        (DQM, (JsnForm.DQM, 50, 47, 1, 892, 17914)),
        (RAW, (JsnForm.RAW, 100, 99, 1, 2914, 3559879391)),
        (TEST, (JsnForm.TEST, 10, 9, 0, None, None)),
    ],
    ids=["merged", "dqm", "raw", "test"],
)
def test_each_form_is_read_by_its_own_places(
    content: bytes, expected: tuple[JsnForm, int, int, int, int | None, int | None]
) -> None:
    """Where the name of the data file stands decides where size and checksum are."""
    jsn = decode_jsn(content)
    found = (jsn.form, jsn.processed, jsn.accepted, jsn.errors, jsn.size, jsn.adler32)
    assert found == expected
    assert jsn.file == "a.dat"


COUNT = st.integers(0, 2**40)
SUM = st.none() | st.integers(0, 2**32 - 2)


@st.composite
def jsns(draw: st.DrawFn) -> Jsn:
    """Any content of any form."""
    form = draw(st.sampled_from(JsnForm))
    accepted = draw(COUNT)
    has_sums = form is not JsnForm.TEST
    no_file = not accepted and draw(st.booleans())
    return Jsn(
        form=form,
        processed=draw(COUNT),
        accepted=accepted,
        errors=draw(COUNT) if has_sums else 0,
        file="" if no_file else draw(st.from_regex(r"[a-z0-9_]{1,20}\.dat", fullmatch=True)),
        size=draw(SUM) if has_sums else None,
        adler32=draw(SUM) if has_sums else None,
    )


@given(jsns())
def test_a_jsn_comes_back_as_it_was_written(jsn: Jsn) -> None:
    """In all forms, with and without sums and events."""
    assert decode_jsn(encode_jsn(jsn)) == jsn


@pytest.mark.parametrize("unknown", [b'""', b'"-1"', b'"4294967295"'])
def test_sums_that_were_not_worked_out_are_none(unknown: bytes) -> None:
    """Writers put nothing, -1, or -1 as an unsigned number."""
    jsn = decode_jsn(
        b'{"data": ["9", "9", "0", "a.dat", ' + unknown + b', "", ' + unknown + b', "", "DAT"]}'
    )
    assert (jsn.size, jsn.adler32) == (None, None)


@pytest.mark.parametrize("name", ["/etc/passwd.dat", "../a.dat", "a/b.dat", "a\\b.dat", "a.dat\n"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """Only a bare file name beside the `.jsn` is followed."""
    content = DQM.replace(b'"a.dat"', msgspec.json.encode(name))
    with pytest.raises(SourceError) as refusal:
        decode_jsn(content)
    assert refusal.value.reason == "jsn_file_name"


def test_a_jsn_above_the_limit_is_refused(tmp_path: Path) -> None:
    """No more of it is read than the limit and one byte."""
    path = tmp_path / "a.jsn"
    path.write_bytes(DQM + b" " * 100)
    assert read_jsn(path, Limits(max_jsn_bytes=len(DQM) + 100)).accepted == 47
    with pytest.raises(SourceError) as refusal:
        read_jsn(path, Limits(max_jsn_bytes=len(DQM)))
    assert refusal.value.reason == "jsn_unreadable"


def test_a_jsn_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    """With the reason that fits."""
    with pytest.raises(SourceError) as missing:
        read_jsn(tmp_path / "none.jsn", Limits())
    assert missing.value.reason == "file_missing"
    with pytest.raises(SourceError) as folder:
        read_jsn(tmp_path, Limits())
    assert folder.value.reason == "file_unreadable"


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_noise_is_refused_not_raised(noise: bytes) -> None:
    """Bytes that are no `.jsn` give a refusal with a reason."""
    with pytest.raises(SourceError) as refusal:
        decode_jsn(noise)
    assert refusal.value.reason.startswith("jsn_")
