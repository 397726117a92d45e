"""A catalogue as a file: what is chosen from it is what the catalogue chose when it was saved."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.messages.references import Reference, ReferenceContents
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.contents import pack
from dqmstream.references.saved import encode_catalogue, lasting, read_catalogue
from tests.unit.references.made import DAY, reference, wanted
from tests.unit.references.test_catalogue import WANTED, references
from tests.unit.references.test_contents import data

NOW = 100 * DAY


@given(many=st.lists(references(), max_size=12), asked=WANTED)
def test_what_lasts_is_chosen_as_it_is_from_the_whole_catalogue(many, asked):
    """Whenever it is read: what had expired is not in it, and nothing else stands in its place."""
    whole = Catalogue(many)
    saved = Catalogue(lasting(whole, NOW))
    expected = whole.choose(replace(asked, moment=NOW)).references
    assert saved.choose(replace(asked, moment=NOW)).references == expected
    assert saved.choose(replace(asked, moment=0)).references == expected


def _versions(*workspaces: str) -> tuple[list[Reference], dict[str, list[ReferenceContents]]]:
    versions, parts = [], {}
    for number, workspace in enumerate(workspaces, 1):
        packed = pack(data(number, bands=number == 1), 700)
        assert len(packed.messages) > 1
        parts[packed.digest] = list(packed.messages)
        kind = "band" if number == 1 else "run"
        made = {"digest": packed.digest, "size": packed.size, "parts": len(packed.messages)}
        versions.append(reference(workspace=workspace, kind=kind, **made))
    return versions, parts


def test_a_file_has_versions_and_contents_as_they_were_saved(tmp_path: Path):
    versions, parts = _versions("pixel", "muon")
    file = tmp_path / "production.references"
    file.write_bytes(encode_catalogue(versions, parts))
    assert encode_catalogue(reversed(versions), parts) == file.read_bytes()
    saved = read_catalogue(file)
    assert saved.catalogue.versions == tuple(reversed(versions))
    for number, one in enumerate(versions, 1):
        found = saved.data(one)
        assert found is not None
        assert found.contents.equals(data(number, bands=number == 1).contents)
        assert bool(found.bands) is (number == 1)
    only = read_catalogue(file, {"muon"})
    assert only.catalogue.versions == (versions[1],)
    assert only.data(versions[0]) is None
    assert only.catalogue.choose(wanted("one/counts", workspace="muon")).references


def test_a_file_that_is_none_or_damaged_is_refused_in_a_sentence(tmp_path: Path):
    versions, parts = _versions("pixel")
    file = tmp_path / "production.references"
    with pytest.raises(ConfigurationError, match=r"production\.references: cannot be read"):
        read_catalogue(file)
    (digest,) = parts
    file.write_bytes(encode_catalogue(versions, {digest: parts[digest][1:]}))
    with pytest.raises(ConfigurationError, match=r"golden #1 of pixel: \d+ of \d+ parts"):
        read_catalogue(file)
    whole = encode_catalogue(versions, parts)
    for body, expected in (
        (b"no catalogue", "not what `dqmstream references save` writes"),
        (whole[: len(whole) // 2], "not what `dqmstream references save` writes"),
        (whole.replace(b"golden", b"copper"), "bad_reference"),
    ):
        file.write_bytes(body)
        with pytest.raises(ConfigurationError, match=expected):
            read_catalogue(file)
