"""Bytes that were good once: what a broken disk, network or program makes of them."""

from hypothesis import strategies as st

__all__ = ["mutated"]

_MOST = 6


@st.composite
def mutated(draw: st.DrawFn, good: bytes) -> bytes:
    """`good` after a few changes: bytes flipped, set, cut out, inserted, doubled or swapped.

    Places near the start and the end, where formats keep their lengths, come as often as others.
    """
    content = bytearray(good)
    for _ in range(draw(st.integers(1, _MOST))):
        size = len(content)
        place = draw(st.one_of(st.integers(0, size), st.integers(0, min(64, size))))
        place = min(size, draw(st.sampled_from([place, size - place])))
        run = draw(st.sampled_from([1, 1, 2, 4, 8, 64]))
        match draw(st.sampled_from(["flip", "set", "cut", "insert", "double", "end"])):
            case "flip" if place < size:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "set":
                extreme = draw(st.sampled_from([b"\x00", b"\xff", b"\x7f", b"\x80"]))
                content[place : place + run] = extreme * len(content[place : place + run])
            case "cut":
                del content[place : place + run]
            case "insert":
                content[place:place] = draw(st.binary(max_size=run))
            case "double":
                content[place:place] = content[place : place + run]
            case "end":
                del content[place:]
    return bytes(content)
