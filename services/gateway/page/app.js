/** The page: its parts, and who follows whom. */

import { Bell } from "./alarms/bell.js";
import { AlarmBoard } from "./alarms/board.js";
import { AlarmsShown } from "./alarms/shown.js";
import { BadChannels } from "./badchannels.js";
import { CardPlot } from "./cardplot.js";
import { followBeside } from "./deployments/beside.js";
import { Detail } from "./detail.js";
import { byId, framed, setAttributes, setText, settled, show } from "./dom.js";
import { Feed } from "./feed.js";
import { Filters, FILTERS } from "./find/filters.js";
import { Finder } from "./find/finder.js";
import { listenForHelp } from "./find/help.js";
import { Grid, byFolder, needsLook } from "./grid.js";
import { listenToKeys } from "./keys.js";
import { Opened } from "./layouts/opened.js";
import { Login } from "./login.js";
import { Model } from "./model.js";
import { Overview } from "./overview/overview.js";
import { Wall } from "./overview/wall.js";
import { Others } from "./plots/others.js";
import { References } from "./plots/references.js";
import { Router } from "./router.js";
import { Side } from "./side.js";
import { Stream } from "./stream.js";
import { Strip } from "./strip.js";
import { Top } from "./top.js";
import { Travel } from "./travel/travel.js";
import { Trends } from "./trends.js";
import { Views } from "./views.js";
import { WindowChooser } from "./windows.js";

const router = new Router((route, before) => follow(route, before));
const streamUrl = new URL("api/v1/stream", location.href.split("#")[0]);
streamUrl.protocol = streamUrl.protocol.replace("http", "ws");
const stream = new Stream(streamUrl.href);
const model = new Model(stream, router);
const feed = new Feed(stream, model, router);
const trends = new Trends(model, router);
const bad = new BadChannels(model, router);
const references = new References(model, router);
const others = new Others(model, router);
const plots = new CardPlot({ trends, bad, references, others });
const grid = new Grid({ model, router, feed, plots });
const strip = new Strip(model, router);
const travel = new Travel(model, router);
const side = new Side(model, router);
const alarms = new AlarmBoard(stream, model);
const shownAlarms = new AlarmsShown(alarms, model);
const opened = new Opened(model, router);
const detail = new Detail({ model, router, feed, trends, references, others, alarms: shownAlarms, opened });
const overview = new Overview({ model, router, alarms: shownAlarms });
const wall = new Wall({ model, router, feed, overview, plots });
const chooser = new WindowChooser(model, router);
const finder = new Finder(model, router);
const filters = new Filters({ model, router, alarms: shownAlarms, references });
const views = new Views({ model, router, stream, feed, trends, alarms, filters, bad, references, others, opened });
new Top(model);
new Bell(alarms, router);
new Login();
followBeside(byId("brand"));

let scrolled = 0;

const drawStrip = framed(() => {
  strip.draw();
  travel.draw();
});
const drawGrid = framed(showGrid);

model.addEventListener("change", ({ detail: { what } }) => {
  side.draw(what);
  if (what === "strip") {
    drawStrip();
    chooser.draw();
  }
  if (["elements", "quality"].includes(what)) drawGrid();
  // What is stale becomes so without any news of elements.
  if (what === "pulse" && router.route.only === "stale") drawGrid();
  if (what === "elements") finder.follow(router.route, router.route, true);
  if (what === "strip" || what === "quality") {
    if (router.route.path) detail.draw();
    else grid.redraw();
  }
  if (what === "problem") {
    setText(byId("problem"), model.problem);
    show(byId("problem"), Boolean(model.problem));
  }
});

byId("skip").addEventListener("click", () => byId("main").focus());
byId("only").addEventListener("click", () => router.go({ only: router.route.only ? "" : "problems", path: "" }));
byId("menu").addEventListener("click", () => openSide(!document.body.hasAttribute("data-side")));
byId("main").addEventListener("click", () => openSide(false));
byId("search").addEventListener("input", settled(() => {
  router.go({ view: "", match: byId("search").value.trim(), path: "" }, { replace: true });
}, 150));
window.addEventListener("resize", () => {
  grid.redraw();
});
byId("reference").addEventListener("click", () => references.toggle());
listenToKeys({ router, grid, detail, references });
listenForHelp();
finder.addEventListener("change", drawGrid);
references.addEventListener("reference", () => router.route.only === "noreference" && drawGrid());
shownAlarms.addEventListener("change", () => router.route.only === "alarms" && drawGrid());
follow(router.route, router.route);

/** Everything that depends on the address. */
function follow(route, before) {
  if (route.path && !before.path) scrolled = window.scrollY;
  if (document.activeElement !== byId("search")) byId("search").value = route.match;
  openSide(false);
  views.follow(route);
  model.follow();
  wall.follow(route);
  feed.follow();
  bad.follow();
  side.draw("route");
  chooser.draw();
  drawStrip();
  detail.follow(route, before);
  showGrid();
  finder.follow(route, before);
  if (Boolean(route.path) !== Boolean(before.path)) {
    window.scrollTo(0, route.path ? 0 : scrolled);
    if (!route.path) grid.focus(before.path);
  }
}

function showGrid() {
  const { route } = router;
  const { workspace, match, only, path } = route;
  const home = !workspace && !match && !path;
  overview.show(wall.isOn || (home && !views.has(route)));
  show(byId("grid"), !path);
  show(byId("title"), !path);
  show(byId("only"), !path && !home);
  setAttributes(byId("reference"), { "aria-pressed": references.isOn ? "true" : "false" });
  setAttributes(byId("only"), { "aria-pressed": only === "problems" ? "true" : "false" });
  filters.draw(route, !path && !home);
  const sections = views.has(route) ? [] : sectionsOf(route);
  const [title, words] = titleOf(route, sections);
  setText(byId("title").firstElementChild, title);
  setText(byId("title").lastElementChild, words);
  grid.show(sections, nothingWords(route));
  detail.neighbours(grid.paths);
}

function sectionsOf({ workspace, match, only }) {
  const look = needsLook(model);
  let chosen = model.elements;
  if (match) {
    // In the order in which they were found: what is closest comes first.
    const byPath = new Map(chosen.map((element) => [element.path, element]));
    chosen = [...(finder.found ?? [])].map((path) => byPath.get(path)).filter(Boolean);
  }
  if (!match && workspace) chosen = chosen.filter((element) => element.workspace === workspace);
  if (only) chosen = chosen.filter(filters.test(only));
  else if (!match && !workspace && isJudged()) chosen = chosen.filter(look);
  return byFolder(chosen);
}

/** Whether any test has judged anything: else the overview has nothing to choose by. */
function isJudged() {
  return Object.keys(model.boards.quality.rows).some((name) => (model.standing(name)?.[1] ?? 0) > 0);
}

function titleOf({ workspace, match, only }, sections) {
  const many = sections.reduce((sum, { paths }) => sum + paths.length, 0);
  if (match) return [`Search: ${match}`, finder.found ? `${many} found` : "searching"];
  if (!workspace) return ["Overview", overviewWords(many)];
  const { description } = model.boards.quality.rows[workspace] ?? {};
  return [workspace, only ? `${FILTERS.get(only)?.title ?? only}: ${many}` : description ?? ""];
}

function overviewWords(many) {
  if (!isJudged()) return "Nothing is judged yet: all elements of all workspaces";
  return many ? "Elements with problems, of all workspaces" : "All workspaces";
}

function nothingWords({ workspace, match, only }) {
  if (match) return finder.found ? finder.problem || "No path matches. A glob crosses folders with **, and without a slash means the name; /.../ is a regular expression." : "Searching";
  const workspaces = Object.keys(model.boards.quality.rows).sort();
  if (workspace && workspaces.length && !workspaces.includes(workspace)) return `This run has no workspace “${workspace}”: it has ${workspaces.join(", ")}`;
  if (!model.elements.length) return "No elements yet: nothing is booked, or no run has come";
  return (FILTERS.get(only || (workspace ? "" : "problems")) ?? FILTERS.get("")).none;
}

function openSide(open) {
  document.body.toggleAttribute("data-side", open);
  byId("menu").setAttribute("aria-expanded", String(open));
}
