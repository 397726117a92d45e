"""ROOT files in JSROOT, in a real browser: it reads and draws the bins that were filled."""

import base64
import os
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Route

from dqmstream.export.about import About, Exported
from dqmstream.export.root import root_file, root_path
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.booking import Category
from services.gateway.testing import TRIGGERS, Detector
from tests.integration.conftest import PATIENCE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

_SITE = "http://jsroot.test"
_ABOUT = About(run=400_001, window="run", lumisections=(1,), closed=True, complete=True, whole=True)
_READ = """async ([file, path]) => {
  const bytes = Uint8Array.from(atob(file), c => c.charCodeAt(0));
  const opened = await JSROOT.openFile(bytes.buffer);
  const found = await opened.readObject(path);
  const box = document.createElement('div');
  box.style.cssText = 'width: 600px; height: 400px';
  document.body.append(box);
  const painter = await JSROOT.draw(box, found, found._typename.startsWith('TH2') ? 'colz' : '');
  const name = found._typename, wide = found.fXaxis.fNbins + 2;
  const bin = i => name.startsWith('TH2') ? [i % wide, Math.floor(i / wide)] : [i];
  const numbers = Array.from({length: found.fNcells}, (_, i) => found.getBinContent(...bin(i)));
  const labels = found.fXaxis.fLabels?.arr.map(each => [each.fUniqueID, each.fString]) ?? [];
  return {
    name, numbers, labels, entries: found.fEntries, title: found.fTitle,
    unit: found.fXaxis.fTitle, entriesOfBins: found.fBinEntries ? [...found.fBinEntries] : [],
    errors: numbers.map((_, i) => found.getBinError(i)),
    drawn: Boolean(painter), strokes: box.querySelectorAll('svg path').length,
  };
}"""


@pytest.fixture(scope="module")
def bundle() -> str:
    """JSROOT as released."""
    named = os.environ.get("DQMSTREAM_JSROOT")
    if named:
        return Path(named).read_text()
    script = Path(__file__).parents[2] / "scripts" / "jsroot"
    found = subprocess.run([script], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.fail(f"no JSROOT: {found.stderr}; name its bundle in DQMSTREAM_JSROOT")
    return Path(found.stdout.strip()).read_text()


@pytest.fixture(scope="module")
def exported() -> list[Exported]:
    """Every kind of element, filled."""
    detector = Detector()
    list(detector.fill(1, 2_000))
    return [
        Exported(
            place=place,
            contents=detector.contents(layout.workspace, 1),
            about=_ABOUT,
            labels={"path": TRIGGERS},
        )
        for layout in detector.layouts
        for place in layout
    ]


def in_root_order(element: MonitorElement, cells: np.ndarray) -> list[float]:
    """Cells as ROOT numbers its bins: the first axis fastest, an underflow on every axis."""
    padding = [(1 if isinstance(axis, Category) else 0, 0) for axis in element.axes]
    return np.pad(np.nan_to_num(cells), padding).ravel(order="F").tolist()


async def _serve(route: Route, bundle: str) -> None:
    if route.request.url.endswith(".js"):
        await route.fulfill(content_type="text/javascript", body=bundle)
    else:
        page = '<!doctype html><body><script src="jsroot.min.js"></script></body>'
        await route.fulfill(content_type="text/html", body=page)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pixel/charge", "TH1D"),
        ("pixel/barrel/occupancy", "TH2D"),
        ("pixel/barrel/size_vs_eta", "TProfile"),
        ("trigger/paths", "TH1D"),
        ("trigger/streams", "TH1D"),
        ("trigger/energy", "TH1D"),
    ],
)
async def test_jsroot_reads_and_draws_the_same_bins(
    browser: Browser, bundle: str, exported: list[Exported], *, path: str, kind: str
) -> None:
    file = base64.b64encode(root_file(exported)).decode()
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE)
    # It wants to know where it came from, so it comes from an address.
    await page.route(f"{_SITE}/*", partial(_serve, bundle=bundle))
    await page.goto(f"{_SITE}/")
    found = await page.evaluate(_READ, [file, root_path(path, _ABOUT)])
    await page.close()
    one = next(each for each in exported if each.path == path)
    element = one.element
    assert found["name"] == kind
    values = in_root_order(element, element.values(flow=True))
    assert found["numbers"] == pytest.approx(values, rel=1e-12)
    assert found["errors"] == pytest.approx(
        in_root_order(element, element.errors(flow=True)), rel=1e-6, abs=1e-9
    )
    assert found["entries"] == element.entries
    assert found["title"].startswith(one.title.replace("η", "#eta"))
    assert found["drawn"]
    assert found["strokes"] > 5
    if kind == "TProfile":
        assert found["entriesOfBins"] == in_root_order(element, element.counts(flow=True))
    if path == "trigger/paths":
        assert found["labels"] == [[n, name] for n, name in enumerate(TRIGGERS, start=1)]
    if path == "pixel/charge":
        assert found["unit"] == "charge [ke]"
