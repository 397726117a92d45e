"""Layouts drawn by Hypothesis."""

from hypothesis import strategies as st

from dqmstream.layouts.layout import Cell, Draw, Layout, Reference, Tab

NAMES = st.lists(
    st.sampled_from(["Shift", "Si Pixel", "a", "2+2", "-_.x.", "x" * 64, "+"]),
    min_size=1,
    max_size=4,
).map("/".join)
_WORDS = st.text("a€\n <&>\"'\\µ", max_size=6)
_FLAG = st.sampled_from([None, True, False])
_RANGE = st.none() | st.tuples(st.floats(-1e9, 0), st.floats(1e-3, 1e9))
_PATH = st.sampled_from(["Pixel/charge", "a", "b/c d/e", "F/#x=1,2"])

DRAWS = st.builds(
    Draw,
    log_x=_FLAG,
    log_y=_FLAG,
    log_z=_FLAG,
    x_range=_RANGE,
    y_range=_RANGE,
    z_range=_RANGE,
    stats=_FLAG,
    normalise=st.sampled_from([None, "entries", "lumisections", "luminosity", "none"]),
    style=st.sampled_from([None, "COLZ", "hist e"]),
)
REFERENCES = st.one_of(
    st.builds(Reference, choice=st.sampled_from(["booked", "none"])),
    st.builds(Reference, choice=st.just("catalogue"), name=st.sampled_from(["2025 pp", "a"])),
    st.builds(Reference, choice=st.just("run"), run=st.integers(1, 9_999_999_999)),
)
CELLS = st.builds(
    Cell,
    paths=st.lists(_PATH, min_size=1, max_size=3, unique=True).map(tuple),
    set=st.sampled_from([None, "0123456789abcdef"]),
    title=_WORDS,
    description=_WORDS,
    span=st.integers(1, 3),
    rows=st.integers(1, 6),
    draw=DRAWS,
    reference=REFERENCES,
)
TABS = st.builds(
    Tab,
    name=st.sampled_from(["one", "2 - # of hits", "µ", "d\tx"]),
    description=_WORDS,
    columns=st.integers(3, 12),
    cells=st.lists(CELLS, max_size=2).map(tuple),
)
LAYOUTS = st.builds(
    Layout,
    name=NAMES,
    title=_WORDS,
    description=_WORDS,
    workspaces=st.lists(st.sampled_from(["pixel", "sistrip"]), unique=True).map(tuple),
    tabs=st.lists(TABS, min_size=1, max_size=3, unique_by=lambda tab: tab.name).map(tuple),
)
