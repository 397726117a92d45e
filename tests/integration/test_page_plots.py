"""Plots of the page: references on top, other runs, ratios, zoom, projections, fits, JSROOT."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from services.gateway.access_file import changed_tokens
from services.gateway.access_tokens import Role
from tests.ingesting import SECRETS, access, bearer
from tests.ink import ink
from tests.integration.conftest import (
    PATIENCE,
    RunningSystem,
    _running_system,
    screenshot,
    until,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

CHARGE = "Pixel/Layer1/charge"
MAP = "Pixel/Layer1/row_col"
CHOSEN = "Pixel/Layer2/charge"
"""Of this one there is a reference in the catalogue; of the others there is none."""

_WHITE = [242, 245, 249]
_LONG = 240_000
"""Milliseconds until a run has two LSs, on a machine that does much else."""


@pytest.fixture(scope="module")
def faulty_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The system of the other tests of the page, with a token of every role."""
    folder = tmp_path_factory.mktemp("plots")
    changed_tokens(folder / "data" / "tokens.json", lambda _: access().tokens)
    with _running_system(folder) as running:
        yield running


async def _open(page: Page, url: str, view: str) -> None:
    await page.goto(f"{url}/{view}")
    await page.wait_for_selector("#workspaces li:nth-child(2)", state="attached")


async def _large(page: Page, url: str, view: str) -> None:
    """Open an element of LSs 1 and 2 large, as soon as these are closed."""
    await _open(page, url, view)
    closed = '#strip-cells [data-key="2"]:not([data-open])'
    await page.wait_for_selector(closed, timeout=_LONG)
    await page.wait_for_selector("#detail:not([aria-busy]) .rows div")


async def test_a_reference_lies_over_the_plot_with_its_ratio_and_r_takes_it_away(
    visit: Any,
) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=2-2&ref=run:1")
    legend = page.locator("#detail .legend")
    await expect(legend).to_contain_text("data: run 1, LS 2")
    await expect(legend).to_contain_text(re.compile(r"run 1 × [0-9.]+ · χ²/ndf"))
    ratio = page.get_by_role("img", name="ratio of data to run 1")
    await expect(ratio).to_be_visible()
    await expect(page.locator("#detail .formula")).to_contain_text("r = data / other")

    async def is_painted() -> bool:
        return await ink(page, "canvas.large", _WHITE) > 20

    await until(is_painted, "the reference is drawn")
    await screenshot(page, "plot-reference")
    await page.keyboard.press("p")
    await expect(page).to_have_url(re.compile("panel=ratio"))
    await expect(ratio).to_be_visible()
    await page.keyboard.press("p")
    await expect(page.get_by_role("img", name="pull of data to run 1")).to_be_visible()
    await page.keyboard.press("r")
    await expect(legend.locator("li")).to_have_count(0)
    await expect(page).to_have_url(re.compile("ref=off"))
    await expect(page.locator("canvas.panel")).to_be_hidden()


async def test_the_grid_has_the_reference_too_and_a_gateway_without_any_says_why(
    visit: Any,
) -> None:
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel&window=run&ref=run:1")
    card = f'.card[data-path="{CHARGE}"]'
    await page.locator(card).scroll_into_view_if_needed()
    await page.wait_for_selector(f"{card}[data-drawn]")

    async def is_painted() -> bool:
        return await ink(page, f"{card} canvas", _WHITE) > 10

    await until(is_painted, "the reference is drawn on the card")
    await screenshot(page, "plots-reference")
    await _large(page, visit.url, f"#path={CHARGE}&window=1-2&over=1:1-1")
    missing = page.locator("#detail .legend [data-missing]").first
    await expect(missing).to_contain_text("there is none in the catalogue")


async def test_other_lss_are_overlaid_stacked_and_side_by_side_by_the_address(visit: Any) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=1-1&ref=off")
    await page.get_by_label("Another run").fill("1")
    await page.get_by_label("LSs of it").fill("2-2")
    await page.get_by_role("button", name="Add").click()
    legend = page.locator("#detail .legend")
    await expect(legend).to_contain_text("run 1, LS 2")
    await expect(page).to_have_url(re.compile("over=1"))
    await page.reload()
    await expect(legend).to_contain_text("run 1, LS 2")
    await page.get_by_label("How runs are shown together").select_option("stack")
    await expect(page.locator("canvas.panel")).to_be_hidden()
    await page.get_by_label("How runs are shown together").select_option("side")
    await expect(page.locator(".side-by-side figcaption")).to_have_text(["run 1, LS 2"])
    await screenshot(page, "plot-side-by-side")
    await page.get_by_title("Without run 1, 2-2").click()
    await expect(legend.locator("li")).to_have_count(0)


async def test_dragging_zooms_and_the_statistics_stay_those_of_all_bins(visit: Any) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=1-2&ref=off")
    canvas = page.locator("canvas.large")
    await canvas.hover()  # which waits until it stands still
    box = await canvas.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile(r"zoom=[0-9.]+(:|%3A)[0-9.]+"))
    await expect(page.locator(".statistics")).to_contain_text("Mean")
    await page.keyboard.press("l")
    await expect(page).to_have_url(re.compile("log=y"))
    await page.keyboard.press("0")
    await expect(page).not_to_have_url(re.compile("zoom="))


async def test_a_map_is_projected_and_has_a_map_of_pulls(visit: Any) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={MAP}&window=1-1&ref=run:1&panel=pull")
    await expect(page.get_by_role("img", name="pull of data to run 1")).to_be_visible()
    await screenshot(page, "plot-map-pull")
    await page.get_by_label("Projection").select_option("y")
    await expect(page.locator(".statistics")).to_contain_text("Mean")
    entries = await page.evaluate(
        """async (path) => {
      const { projected } = await import("/plots/shapes.js");
      const { axisOf } = await import("/axes.js");
      const { numbers } = await import("/stream.js");
      const asked = async (more) => {
        const url = `api/v1/runs/1/contents?path=${path}&lumisections=1-1${more}`;
        return (await (await fetch(url)).json()).contents[0];
      };
      const whole = await asked("");
      const { arrays, ...header } = whole;
      const plot = { header, arrays: { values: numbers(arrays.values) } };
      return Promise.all(["x", "y"].map(async (axis) => {
        const theirs = (await asked(`&axes=${axis}`)).arrays.values;
        const mine = [...projected(plot, axis).arrays.values];
        return JSON.stringify(theirs) === JSON.stringify(mine);
      }));
    }""",
        MAP,
    )
    assert entries == [True, True]


async def test_a_fit_is_drawn_with_its_numbers(visit: Any) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=1-2&ref=off")
    await page.get_by_label("Model").select_option("landau")
    await page.get_by_role("button", name="Fit", exact=True).click()
    result = page.get_by_label("Result of the fit")
    await expect(result).to_contain_text("location")
    await expect(result).to_contain_text("ke")

    async def is_painted() -> bool:
        return await ink(page, "canvas.large", [255, 216, 77]) > 20

    await until(is_painted, "the fitted function is drawn")
    await screenshot(page, "plot-fit")
    await page.goto(f"{visit.url}/#path={CHARGE}&window=1-2&ref=off&fit=gaussian:10:30")
    await page.reload()
    await expect(result).to_contain_text(re.compile("Bins.*, 10 to 30"))
    await expect(page.get_by_label("Model")).to_have_value("gaussian")
    await page.evaluate("hash => { location.hash = hash; }", f"#path={CHARGE}&window=1-2&fit=cubic")
    await expect(page.locator(".fits [role=status]")).to_contain_text("“cubic” is no fit: expected")
    await page.get_by_role("button", name="Remove").click()
    await expect(page).not_to_have_url(re.compile("fit="))


async def test_the_trend_beside_the_plot_is_restored_by_the_address(visit: Any) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=1-2")
    await page.get_by_label("What the trend shows").select_option("entries")
    await page.get_by_label("What the trend is drawn against").select_option("luminosity")
    await expect(page).to_have_url(re.compile("of=entries&by=luminosity"))
    await page.reload()
    trend = page.get_by_role("img", name=f"entries of {CHARGE} by luminosity")
    await expect(trend).to_be_visible()
    await expect(page.get_by_label("What the trend shows")).to_have_value("entries")
    await expect(page.get_by_label("What the trend is drawn against")).to_have_value("luminosity")
    await expect(page.locator(".covered")).to_have_text(re.compile(r"^LS 1 to \d+: the whole run$"))
    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("of=|by="))


async def test_a_trend_of_a_long_run_is_asked_for_in_stretches_and_says_what_it_shows(
    visit: Any,
) -> None:
    """On the page's own modules, and by what the gateway answers for stretches of this run."""
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=1-2")
    found = await page.evaluate(
        """async (path) => {
      const { coveredWords, joined, trendStretches } = await import("/stretches.js");
      const rising = (most) => Array.from({ length: most }, (_, i) => i + 1);
      const ask = async (word) =>
        (await fetch(`api/v1/runs/1/trend?path=${path}&lumisections=${word}`)).json();
      const whole = await ask("1-2");
      const parts = joined([await ask("1-1"), await ask("2-2")]);
      const large = trendStretches(rising(700), 1_000_000);
      return {
        long: trendStretches(rising(1200), 100),
        large: [large.length, large[0]],
        same: JSON.stringify(whole) === JSON.stringify(parts),
        words: coveredWords({ lumisections: [653, 654, 700] }, rising(700)),
      };
    }""",
        CHARGE,
    )
    assert found["long"] == [[1, 500], [501, 1000], [1001, 1200]]
    assert found["large"] == [12, [653, 656]]
    assert found["same"]
    assert found["words"].startswith("LS 653 to 700: the newest 3 of 655 LSs")


async def test_verdicts_are_not_asked_for_again_and_again_while_the_gateway_is_away(
    visit: Any,
) -> None:
    """On the page's own module: what it tells has it drawn anew, and no answer is no news."""
    page = visit.page
    await _open(page, visit.url, "")
    asked = await page.evaluate("""async () => {
      const { Verdicts } = await import("/travel/verdicts.js");
      const judged = { outcomes: { pixel: ["GOOD"] }, made: { pixel: 1 } };
      const model = {
        run: { run: 1 }, elements: [{ path: "a", workspace: "pixel" }],
        lumisections: [{ lumisection: 1, closed: true, ...judged }],
      };
      const verdicts = new Verdicts(model, { route: { run: 1, path: "a", at: "" } });
      verdicts.addEventListener("outcomes", () => verdicts.rows());
      const fetched = window.fetch;
      let asked = 0;
      window.fetch = async (address, ...more) => {
        if (!String(address).includes("path=a")) return fetched(address, ...more);
        asked += 1;
        throw new TypeError("away");
      };
      verdicts.rows();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      window.fetch = fetched;
      return asked;
    }""")
    assert asked == 1


async def test_a_trend_that_waited_is_of_the_lumisections_of_the_run_it_was_asked_of(
    visit: Any,
) -> None:
    """On the page's own module: another run is shown before its turn has come."""
    page = visit.page
    await _open(page, visit.url, "")
    asked = await page.evaluate("""async () => {
      const { Trends } = await import("/trends.js");
      const rising = (most) => Array.from({ length: most }, (_, i) => ({ lumisection: i + 1 }));
      const paths = ["a", "b", "c", "d", "e"];
      const model = {
        run: { run: 7 }, moment: null, lumisections: rising(3),
        elements: paths.map((path) => ({ path })),
      };
      const router = { route: { run: 7 } };
      const trends = new Trends(model, router);
      const fetched = window.fetch;
      const asked = [];
      let answer;
      const answered = new Promise((resolve) => { answer = resolve; });
      window.fetch = async (address, ...more) => {
        if (!String(address).includes("runs/7/trend")) return fetched(address, ...more);
        asked.push(new URL(address, document.baseURI).searchParams.get("lumisections"));
        await answered;
        return new Response(JSON.stringify({ lumisections: [1], values: [1] }));
      };
      for (const path of paths) trends.get(path, "mean", "run");
      Object.assign(model, { run: { run: 8 }, lumisections: rising(9) });
      router.route = { run: 8 };
      answer();
      const later = () => new Promise((resolve) => setTimeout(resolve, 50));
      for (let look = 0; look < 1000 && asked.length < paths.length; look += 1) await later();
      for (let look = 0; look < 6; look += 1) await later();
      window.fetch = fetched;
      return asked;
    }""")
    assert asked == ["1-3"] * 5


async def test_jsroot_draws_what_the_plot_shows_under_the_strict_policy(visit: Any) -> None:
    """Any violation of the policy is an error in the console, which fails the visit."""
    script = Path(__file__).parents[2] / "scripts" / "jsroot"
    found = subprocess.run([script, "--page"], capture_output=True, text=True, check=False)  # noqa: ASYNC221
    if found.returncode:
        pytest.fail(f"no JSROOT: {found.stderr}")
    page = visit.page
    for path, kind in ((CHARGE, "TH1D"), (MAP, "TH2D")):
        await _large(page, visit.url, f"#path={path}&window=1-2")
        await page.get_by_role("button", name="Open in JSROOT").click()
        await expect(page.locator(".viewer [role=status]")).to_have_text(
            re.compile(rf"{kind} · JSROOT 7\.")
        )
        await expect(page.locator(".jsroot-box svg").first).to_be_visible()
        if kind == "TH1D":
            canvas = page.locator(".jsroot-box svg").first
            await canvas.click(button="right", position={"x": 250, "y": 200})
            await expect(page.get_by_text("Show tooltips").first).to_be_visible()
        await screenshot(page, f"plot-jsroot-{kind}")
        await expect(page).to_have_url(re.compile("js=1"))
        await page.reload()
        await expect(page.locator(".jsroot-box svg").first).to_be_visible()
        await page.keyboard.press("Escape")
        await page.goto("about:blank")


async def test_what_jsroot_could_not_draw_is_not_said_of_the_plot_that_is_shown_by_then(
    visit: Any,
) -> None:
    page = visit.page
    visit.expects_failed_requests = True
    answered = asyncio.Event()

    async def late(route: Route) -> None:
        """Refused, when the other plot has been drawn."""
        await expect(page.locator(".viewer [role=status]")).to_contain_text("TH2D")
        await route.continue_(url=route.request.url.replace("charge", "nothing"))
        answered.set()

    await page.route("**/contents/root?*charge*", late)
    async with page.expect_request("**/contents/root?*charge*"):
        await page.goto(f"{visit.url}/#path={CHARGE}&window=1-2&js=1")
    await page.evaluate("(path) => { location.hash = `path=${path}&window=1-2&js=1` }", MAP)
    await asyncio.wait_for(answered.wait(), 120)
    await page.evaluate("new Promise((done) => setTimeout(done, 500))")
    await expect(page.locator(".viewer [role=status]")).to_contain_text("TH2D")


async def test_an_alarm_of_the_element_is_acknowledged_and_shelved_where_its_plot_is(
    visit: Any,
) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#path=Pixel/Layer1/occupancy")
    alarm = page.locator('.of-alarms .alarm[data-key$="pixel dead modules"]')
    await expect(alarm).to_have_attribute("data-calls", "", timeout=240_000)
    await expect(alarm.locator('[data-action="acknowledge"]')).to_have_text("Acknowledge (shifter)")
    await page.click("#who")
    await page.fill("#login-token", SECRETS[Role.SHIFTER])
    await page.keyboard.press("Enter")
    await alarm.get_by_role("button", name="Acknowledge", exact=True).click()
    await expect(alarm).to_have_attribute("data-state", "acknowledged")
    await expect(page.locator(".of-alarms .alarm-said")).to_contain_text("on the record")
    await alarm.get_by_role("button", name="Shelve …").click()
    await page.fill("#shelve-why", "the module is known to be dead")
    await page.get_by_role("button", name="Do it").click()
    await expect(alarm).to_have_attribute("data-state", "shelved")
    await alarm.get_by_role("button", name="Unshelve").click()
    await expect(alarm).to_have_attribute("data-state", "acknowledged")
    await alarm.locator(".alarm-name").click()
    await expect(page.locator(".alarm-chosen")).to_be_visible()
    await expect(page.locator("dialog#shelve")).to_have_count(1)
    await page.go_back()
    await expect(alarm).to_be_visible()


async def test_files_of_the_plot_come_in_all_formats(visit: Any) -> None:
    page = visit.page
    await _large(page, visit.url, f"#path={CHARGE}&window=1-2")
    for form in ("PNG", "SVG", "ROOT", "JSON", "CSV", "UHI"):
        link = await page.locator(".links a", has_text=form).get_attribute("href")
        answer = await page.request.get(f"{visit.url}/{link}", timeout=PATIENCE)
        assert answer.ok, form


async def test_ratios_and_pulls_have_the_right_errors(visit: Any) -> None:
    """On the page's own modules: toys of one distribution have pulls of width 1."""
    page = visit.page
    await _open(page, visit.url, "")
    mean, width, ratio, scale = await page.evaluate("""async () => {
      const { compared } = await import("/plots/comparison.js");
      const { layerOf } = await import("/plots/layers.js");
      let seed = 7;
      const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
      const poisson = (mean) => {
        let [n, p] = [0, random()];
        const end = Math.exp(-mean);
        while (p > end) { p *= random(); n += 1; }
        return n;
      };
      const axis = { type: "regular", bins: 4000, lower: 0, upper: 1, label: "", unit: "" };
      const element = { axes: [axis], storage: "count", shape: [4002], draw: {} };
      const window = { lumisections: 1 };
      const toy = (mean) => ({
        header: { element, window },
        arrays: { values: Float64Array.from({ length: 4002 }, () => poisson(mean)) },
      });
      const [data, other] = [toy(5), toy(20)];
      const layer = layerOf(data, other, { label: "other" });
      const pulls = [...compared(data, layer, "pull").values];
      const mean = pulls.reduce((a, b) => a + b) / pulls.length;
      const width = Math.sqrt(pulls.reduce((a, b) => a + (b - mean) ** 2, 0) / pulls.length);
      const all = (n) => ({ values: new Float64Array(4002).fill(n) });
      const one = (n) => ({ header: { element, window }, arrays: all(n) });
      const none = layerOf(one(100), one(400), { label: "x", norm: "none" });
      const { values, errors } = compared(one(100), none, "ratio");
      return [mean, width, [values[1], errors[1]], layer.factor];
    }""")
    assert abs(mean) < 0.1
    assert 0.95 < width < 1.05
    assert ratio == pytest.approx([0.25, 0.25 * (1 / 100 + 1 / 400) ** 0.5])
    assert scale == pytest.approx(0.25, rel=0.02)


async def test_a_reference_of_the_catalogue_lies_over_plots_by_itself(visit: Any) -> None:
    """Made of a stored LS over HTTP, it is chosen without being named: large, and in the grid.

    The last test here: those before it say what is said where the catalogue is empty.
    """
    page = visit.page
    await _large(page, visit.url, f"#path={CHOSEN}&window=1-1&ref=off")
    made = await _made(visit.url)
    assert [(row["name"], row["workspace"]) for row in made["references"]] == [("golden", "pixel")]
    await _large(page, visit.url, f"#path={CHOSEN}&window=2-2")
    legend = page.locator("#detail .legend")
    await expect(legend).to_contain_text("data: run 1, LS 2")
    await expect(legend).to_contain_text(re.compile(r"golden.* \(run 1\) × [0-9.]+ · χ²/ndf"))
    await expect(legend.locator("[data-missing]")).to_have_count(0)
    await expect(
        page.get_by_role("img", name=re.compile("ratio of data to golden"))
    ).to_be_visible()

    async def is_painted(selector: str) -> bool:
        return await ink(page, selector, _WHITE) > 10

    await until(lambda: is_painted("canvas.large"), "the reference is drawn")
    await screenshot(page, "plot-reference-catalogue")
    await page.keyboard.press("r")
    await expect(legend.locator("li")).to_have_count(0)
    await _open(page, visit.url, "#workspace=pixel&window=run")
    card = f'.card[data-path="{CHOSEN}"]'
    await page.locator(card).scroll_into_view_if_needed()
    await page.wait_for_selector(f"{card}[data-drawn]")
    await until(lambda: is_painted(f"{card} canvas"), "the reference is drawn on the card")
    await _open(page, visit.url, "#workspace=pixel&window=run&only=noreference")
    await expect(page.locator(f'.card[data-path="{CHARGE}"]')).to_have_count(1)
    await expect(page.locator(card)).to_have_count(0)


async def _made(url: str) -> dict[str, Any]:
    """A reference out of LS 1, as soon as that is stored: it is not compared with itself."""
    body = {
        "name": "golden",
        "workspaces": ["pixel"],
        "runs": {"1": [[1, 1]]},
        "paths": [CHOSEN],
        "owner": "pixel experts",
        "reason": "looked at it",
    }
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers=bearer(Role.EXPERT), timeout=60
    ) as client:
        for _ in range(600):
            answer = await client.post("/references", json=body)
            if answer.status_code == 200 and answer.json()["references"][0]["exposed"]:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(0.2)
    pytest.fail(f"no reference could be made: {answer.status_code} {answer.text}")
