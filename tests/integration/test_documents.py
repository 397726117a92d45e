"""What documents show is true: their blocks run, in order, and print what stands there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dqmstream.client import Client, Element
from playback.broker.ports import free_port
from tests.documents import (
    ROOT,
    Block,
    Player,
    blocks_of,
    missing_links,
    plain_environment,
    unknown_words,
)

# A page has up to ten commands, each a process of its own.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PAGES: Final = sorted(
    str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)
PLAYED: Final = {
    "README.md": 4,
    "docs/access.md": 0,
    "docs/analyses.md": 0,
    "docs/beam-spot.md": 1,
    "docs/conditions.md": 1,
    "docs/event-files.md": 3,
    "docs/event-payload.md": 1,
    "docs/guide.md": 2,
    "docs/importing.md": 1,
    "docs/kafka.md": 1,
    "docs/layouts.md": 1,
    "docs/notifications.md": 2,
    "docs/playback.md": 5,
    "docs/quality-tests.md": 3,
    "docs/references.md": 2,
    "docs/store.md": 1,
    "docs/workspaces.md": 3,
}
"""Pages of which every block runs, and how many of them do not, each for a reason."""
WITH_SYSTEM: Final = ("docs/sending.md", "docs/ingest.md", "docs/http.md")
"""Pages that speak to a system that runs; played one after another."""

WORKSPACE: Final = """
workspace = "my_detector"

[[elements]]
kind = "histogram"
path = "pixel/charge"
fill = "hit.charge"
axes = [{ type = "regular", bins = 40, lower = 0, upper = 40, label = "charge" }]
"""


@pytest.fixture
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """In an empty folder; what a page starts has ports that are free."""
    port, receiver = str(free_port()), str(free_port())
    url = f"http://127.0.0.1:{port}"
    monkeypatch.syspath_prepend(tmp_path)
    playing = Player(
        folder=tmp_path,
        environment=plain_environment(DQMSTREAM_PORT=port, DQMSTREAM_URL=url),
        replaced={"127.0.0.1:8000": f"127.0.0.1:{port}", "9087": receiver},
        namespace={"url": url},
    )
    try:
        yield playing
    finally:
        for value in playing.namespace.values():
            if isinstance(value, Client):
                value.close()
        playing.close()


def play(name: str, player: Player) -> int:
    """Play a page; how many of its blocks were not run."""
    blocks = [block for block in blocks_of((ROOT / name).read_text()) if block.language]
    for block in blocks:
        if not block.not_run:
            try:
                player.play(block)
            except Exception as error:
                error.add_note(f"{name}, line {block.line}")
                raise
    return sum(bool(block.not_run) for block in blocks)


@pytest.mark.parametrize("name", PLAYED)
def test_every_block_of_a_page_runs(name: str, player: Player) -> None:
    """All but those that say why not, of which there are no more than these."""
    assert play(name, player) == PLAYED[name]


def test_the_demo_answers_what_the_readme_asks_of_it(player: Player) -> None:
    """In a terminal and over HTTP, as soon as a lumisection is closed."""
    (asked,) = [
        block
        for block in blocks_of((ROOT / "README.md").read_text())
        if "dqmstream top" in block.text
    ]
    demo = "dqmstream demo --workspaces pixel --lumisections 3 --rate 20 --speed 20"
    player.play(Block(language="sh", text=demo, line=0, marker="stays running"))
    with Client(player.namespace["url"]) as client:
        for element in client.follow("Pixel/Layer1/charge", window="run"):
            if (element.lumisections, element.closed) == (3, True):
                break
    player.play(Block(language="sh", text=asked.text, line=asked.line))
    assert (player.folder / "pixel.root").stat().st_size > 1000


def test_events_are_sent_as_the_pages_say_and_come_out_again(player: Player) -> None:
    """In Python as `sending` shows, with curl as `ingest` does, and read as `http` does."""
    (player.folder / "my.toml").write_text(WORKSPACE)
    lines = ({"hit": [{"charge": float(n % 40)}] * (n % 3)} for n in range(500))
    (player.folder / "events.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    made = "dqmstream token new --role producer --name me --source my_detector > token"
    for text in (made, "dqmstream token new --role producer --name warm"):
        player.play(Block(language="sh", text=text, line=0))
    player.namespace["token"] = (player.folder / "token").read_text().strip()
    run = "dqmstream run --workspaces my.toml"
    player.play(Block(language="sh", text=run, line=0, marker="stays running"))
    with Client(player.namespace["url"]) as client:
        for name in WITH_SYSTEM:
            assert play(name, player) == 0
            if name == "docs/sending.md":
                charge = until_closed(client, 398600, 3)
                assert (charge.entries, charge.lumisections) == (24, 3)
            elif name == "docs/ingest.md":
                assert until_closed(client, 400001, 1).entries == sum(n % 3 for n in range(500))


def until_closed(client: Client, run: int, lumisections: int) -> Element:
    """The charge of a whole run, once its LSs are closed."""
    for element in client.follow("pixel/charge", window="run"):
        if (element.run, element.lumisections, element.closed) == (run, lumisections, True):
            return element
    raise AssertionError


@pytest.mark.parametrize("name", PAGES)
def test_commands_code_and_links_of_a_page_are_there(name: str) -> None:
    """Also in blocks that do not run: each command and option exists, Python is Python."""
    page = ROOT / name
    for block in blocks_of(page.read_text()):
        unknown = [word for line in block.commands for word in unknown_words(line)]
        assert not unknown, f"{name}, line {block.line}: the program has no {unknown}"
        if block.language == "python":
            compile(block.text, f"{name}, line {block.line}", "exec")
    assert missing_links(page) == []


def test_the_index_has_every_page() -> None:
    """`docs/README.md` links all pages there are."""
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]
    assert [name for name in pages if f"]({name})" not in index] == []


def test_each_claim_has_a_command_that_exists() -> None:
    """Files that pytest is given are there and have tests, and benchmarks are there."""
    page = (ROOT / "README.md").read_text()
    claims = re.findall(r"^\| (?!claim|---)(.*) \|$", page.partition("## Claims")[2], re.MULTILINE)
    assert len(claims) > 60
    for claim in claims:
        commands = re.findall(r"`\.venv/bin/(\S+) ([^`]+)`", claim)
        assert commands, f"no command shows: {claim}"
        for program, arguments in commands:
            if program == "pytest":
                paths = [ROOT / word for word in arguments.split() if word.startswith("tests")]
                assert paths
                assert [path for path in paths if not _has_tests(path)] == []
            else:
                assert unknown_words(f"{program} {arguments}") == []


def _has_tests(path: Path) -> bool:
    files = path.rglob("test_*.py") if path.is_dir() else (path,) if path.exists() else ()
    return any(
        re.search(r"^ *(async )?def test_", file.read_text(), re.MULTILINE) for file in files
    )


def test_each_folder_of_the_tour_is_there() -> None:
    tour = (ROOT / "README.md").read_text().partition("## A tour")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", tour, re.MULTILINE)
    assert len(rows) > 15
    for row in rows:
        first, *more = re.findall(r"`([^`]+)`", row)
        for name in (first, *more):
            beside = ROOT / Path(first).parent / name
            assert (ROOT / name).exists() or beside.exists(), f"the tour names {name}"


def test_what_is_not_there_is_noticed(tmp_path: Path) -> None:
    """The checks of this file can fail."""
    assert unknown_words("dqmstream demo --sped 1  # --x") == ["--sped"]
    assert unknown_words("X=1 .venv/bin/dqmstream sets lst --kafka a") == []
    assert unknown_words("TOKEN=$(dqmstream token make --role producer)") == ["make"]
    page = tmp_path / "a.md"
    page.write_text("# A b\n[x](b.md) [y](#a-b) [z](#c)\n")
    assert missing_links(page) == ["b.md", "#c"]
    player = Player(folder=tmp_path, environment=plain_environment())
    for text in ("```console\n$ echo a b\na c\n```\n", "```sh\nfalse\ntrue\n```\n"):
        (block,) = blocks_of(text)
        with pytest.raises(AssertionError):
            player.play(block)
    (block,) = blocks_of("```console\n$ echo a b; echo c; echo d\na ...\n...\nd\n```\n")
    player.play(block)
