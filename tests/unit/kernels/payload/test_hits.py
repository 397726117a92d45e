"""Hits of tracks are counted as by reading the packed pattern bit by bit."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from dqmstream.kernels.payload.hits import HIT_COUNTS, WORDS, count_hits

_TRACKER, _MUON = 1, 0
_VALID, _MISSING, _INACTIVE, _BAD = range(4)
_MOST = WORDS * 16 // 12


class _Hit(NamedTuple):
    detector: int
    part: int
    layer: int
    stereo: int
    kind: int

    @property
    def packed(self) -> int:
        return self.detector << 10 | self.part << 7 | self.layer << 3 | self.stereo << 2 | self.kind


_hits = st.builds(
    _Hit,
    st.sampled_from([_MUON, _TRACKER, _TRACKER, _TRACKER, 2, 3]),
    st.integers(0, 7),
    st.integers(0, 15),
    st.integers(0, 1),
    st.integers(0, 3),
)


def _words(hits: list[_Hit]) -> list[int]:
    stream = sum(hit.packed << (12 * place) for place, hit in enumerate(hits))
    return [(stream >> (16 * place)) & 0xFFFF for place in range(WORDS)]


def _counts(patterns: list[list[_Hit]], begins: list[int], ends: list[int]) -> list[dict[str, int]]:
    words = np.array([_words(hits) for hits in patterns], np.uint16).reshape(-1, WORDS)
    found = count_hits(words, np.array(begins, np.uint8), np.array(ends, np.uint8))
    return [dict(zip(HIT_COUNTS, row, strict=True)) for row in found.tolist()]


def _expected(hits: list[_Hit]) -> dict[str, int]:
    counts: Counter[str] = Counter(dict.fromkeys(HIT_COUNTS, 0))
    layers = set()
    for hit in hits:
        if hit.detector != _TRACKER:
            continue
        counts["missing_hits"] += hit.kind == _MISSING
        counts["inactive_hits"] += hit.kind == _INACTIVE
        if hit.kind == _VALID:
            counts["hits"] += 1
            where = {1: "pixel", 2: "pixel", 3: "strip", 4: "strip", 5: "strip", 6: "strip"}
            if hit.part in where:
                counts[f"{where[hit.part]}_hits"] += 1
                layers.add((where[hit.part], hit.part, hit.layer))
    for detector, _, _ in layers:
        counts[f"{detector}_layers"] += 1
    return dict(counts)


@given(
    st.lists(
        st.tuples(st.lists(_hits, max_size=_MOST), st.integers(0, 255), st.integers(0, 255)),
        max_size=5,
    )
)
@example([([_Hit(_TRACKER, 1, 1, 0, _VALID)] * _MOST, 0, 255)])
def test_counts_are_those_of_a_reading_bit_by_bit_whatever_begin_and_end_say(
    tracks: list[tuple[list[_Hit], int, int]],
) -> None:
    none = _Hit(0, 0, 0, 0, 0)
    found = _counts(
        [hits for hits, _, _ in tracks],
        [begin for _, begin, _ in tracks],
        [end for _, _, end in tracks],
    )
    padded = [(hits + [none] * (_MOST - len(hits)), begin, end) for hits, begin, end in tracks]
    assert found == [_expected(hits[begin:end]) for hits, begin, end in padded]


def test_a_layer_hit_twice_counts_once_and_the_same_number_in_another_part_apart() -> None:
    hits = [
        _Hit(_TRACKER, 1, 2, 0, _VALID),
        _Hit(_TRACKER, 1, 2, 1, _VALID),
        _Hit(_TRACKER, 2, 2, 0, _VALID),
        _Hit(_TRACKER, 5, 2, 0, _VALID),
        _Hit(_TRACKER, 5, 3, 0, _BAD),
    ]
    (found,) = _counts([hits], [0], [5])
    assert (found["pixel_hits"], found["pixel_layers"]) == (3, 2)
    assert (found["strip_hits"], found["strip_layers"]) == (1, 1)


def test_hits_in_front_of_the_begin_and_behind_the_end_are_not_those_of_the_track() -> None:
    hits = [_Hit(_TRACKER, 1, layer, 0, _VALID) for layer in range(1, 5)]
    (found,) = _counts([hits], [1], [3])
    assert found["hits"] == 2


def test_no_tracks_have_no_counts() -> None:
    assert _counts([], [], []) == []
