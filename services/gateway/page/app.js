/** The page: its parts, and who follows whom. */

import { elements } from "./api.js";
import { BadChannels } from "./badchannels.js";
import { Detail } from "./detail.js";
import { byId, framed, setAttributes, setText, settled, show } from "./dom.js";
import { Feed } from "./feed.js";
import { Grid, byFolder, needsLook } from "./grid.js";
import { listenToKeys } from "./keys.js";
import { Model } from "./model.js";
import { Router } from "./router.js";
import { Side } from "./side.js";
import { Stream } from "./stream.js";
import { Strip } from "./strip.js";
import { Tiles } from "./tiles.js";
import { Top } from "./top.js";
import { Trends } from "./trends.js";
import { WindowChooser } from "./windows.js";

const router = new Router((route, before) => follow(route, before));
const streamUrl = new URL("api/v1/stream", location.href.split("#")[0]);
streamUrl.protocol = streamUrl.protocol.replace("http", "ws");
const stream = new Stream(streamUrl.href);
const model = new Model(stream, router);
const feed = new Feed(stream, model, router);
const trends = new Trends(model, router);
const bad = new BadChannels(model, router);
const grid = new Grid({ model, router, feed, trends, bad });
const detail = new Detail({ model, router, feed, trends });
const strip = new Strip(model, router);
const side = new Side(model, router);
const tiles = new Tiles(model, router);
const chooser = new WindowChooser(model, router);
new Top(model);

let found = null;
let scrolled = 0;

const drawStrip = framed(() => strip.draw());
const drawTiles = framed(() => router.route.path || tiles.draw());
const drawGrid = framed(showGrid);

model.addEventListener("change", ({ detail: { what } }) => {
  side.draw(what);
  if (what === "strip") {
    drawStrip();
    chooser.draw();
  }
  if (["quality", "strip", "elements"].includes(what)) drawTiles();
  if (["elements", "quality"].includes(what)) drawGrid();
  if (what === "elements" && router.route.match) search();
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
byId("search").addEventListener("input", settled(() => {
  router.go({ match: byId("search").value.trim(), path: "" }, { replace: true });
}, 150));
window.addEventListener("resize", () => {
  drawTiles();
  grid.redraw();
});
listenToKeys({ router, grid, detail });
follow(router.route, router.route);

/** Everything that depends on the address. */
function follow(route, before) {
  if (route.path && !before.path) scrolled = window.scrollY;
  if (document.activeElement !== byId("search")) byId("search").value = route.match;
  if (route.match !== before.match || route.run !== before.run) found = null;
  openSide(false);
  model.follow();
  feed.follow();
  bad.follow();
  side.draw("route");
  chooser.draw();
  drawStrip();
  showGrid();
  detail.follow();
  if (route.match && !found) search();
  if (Boolean(route.path) !== Boolean(before.path)) {
    window.scrollTo(0, route.path ? 0 : scrolled);
    if (!route.path) grid.focus(before.path);
  }
}

/** A glob is asked of the gateway; a plain word means any path that has it in it. */
async function search() {
  const { match, run } = router.route;
  const isGlob = /[*?[]/.test(match);
  const pattern = isGlob ? { match } : { regex: match.replace(/[.+^${}()|\\\]]/g, "\\$&") };
  try {
    const matches = await elements(run, pattern);
    if (match !== router.route.match) return;
    found = new Set(matches.map((element) => element.path));
    byId("search").setCustomValidity("");
  } catch (error) {
    if (match !== router.route.match) return;
    found = new Set();
    byId("search").setCustomValidity(error.message);
  }
  showGrid();
}

function showGrid() {
  const { route } = router;
  const { workspace, match, only, path } = route;
  const overview = !workspace && !match && !path;
  show(byId("tiles"), overview);
  show(byId("grid"), !path);
  show(byId("title"), !path);
  show(byId("only"), !path && !overview);
  setAttributes(byId("only"), { "aria-pressed": only ? "true" : "false" });
  if (overview) tiles.draw();
  const sections = sectionsOf(route);
  const [title, words] = titleOf(route, sections);
  setText(byId("title").firstElementChild, title);
  setText(byId("title").lastElementChild, words);
  grid.show(sections, nothingWords(route));
  detail.neighbours(grid.paths);
}

function sectionsOf({ workspace, match, only }) {
  const look = needsLook(model);
  let chosen = model.elements;
  if (match) chosen = chosen.filter(({ path }) => found?.has(path));
  else if (workspace) chosen = chosen.filter((element) => element.workspace === workspace);
  if (only || (!match && !workspace && isJudged())) chosen = chosen.filter(look);
  return byFolder(chosen);
}

/** Whether any test has judged anything: else the overview has nothing to choose by. */
function isJudged() {
  return Object.keys(model.boards.quality.rows).some((name) => (model.standing(name)?.[1] ?? 0) > 0);
}

function titleOf({ workspace, match, only }, sections) {
  const many = sections.reduce((sum, { paths }) => sum + paths.length, 0);
  if (match) return [`Search: ${match}`, found ? `${many} found` : "searching"];
  if (!workspace) return ["Overview", overviewWords(many)];
  const { description } = model.boards.quality.rows[workspace] ?? {};
  return [workspace, only ? `${many} with problems` : description ?? ""];
}

function overviewWords(many) {
  if (!isJudged()) return "Nothing is judged yet: all elements of all workspaces";
  return many ? "Elements with problems, of all workspaces" : "All workspaces";
}

function nothingWords({ workspace, match, only }) {
  if (match) return found ? "No path matches. A glob crosses folders with **, and without a slash means the name." : "Searching";
  if (!model.elements.length) return "No elements yet: nothing is booked, or no run has come";
  if (!workspace || only) return "No element has a problem among those that were judged";
  return "This workspace books no elements";
}

function openSide(open) {
  document.body.toggleAttribute("data-side", open);
  byId("menu").setAttribute("aria-expanded", String(open));
}
