// The page: puts its parts together. Every part shows; what is shown is decided by the URL.

import { Refused, ask } from "./api.js";
import { Chooser } from "./chooser.js";
import { Detail } from "./detail.js";
import { Feed } from "./feed.js";
import { Freshness } from "./freshness.js";
import { Grid } from "./grid.js";
import { legend } from "./outcomes.js";
import { showAccounting, showFreshness, showNow, showProcesses, showRuns, showVerdict, showWorkspaces } from "./panels.js";
import { View, windowName } from "./state.js";
import { Stream } from "./stream.js";
import { Strip } from "./strip.js";

const LOOK = 500;
const LISTED = 2_000;
const RUNS_PER_PAGE = 30;

const find = (id) => document.getElementById(id);
const view = new View(location, history);
const stream = new Stream(new URL("api/v1/stream", document.baseURI).href.replace(/^http/, "ws"), {
  onChannel: (name, state) => feed.takeChannel(name, state),
  onStatus: () => lookAtFreshness(),
  onSubscribed: ({ id, refused }) => feed.takeRefusals(id, refused),
});
const feed = new Feed(view, stream);
const freshness = new Freshness(stream);
let look = freshness.look();
let stored = [];
let storedBefore = null;
let booked = "";

const grid = new Grid(find("plots"), {
  onVisible: (paths) => feed.watch("grid", paths),
  onOpen: (path) => view.set({ plot: path }),
  plotOf: (path) => feed.plot(path),
  outcomeOf: (path) => ({ words: outcomeOf(path), stale: isStale() }),
});
const detail = new Detail(find("detail"), {
  onClose: closeDetail,
  plotOf: (path) => feed.plot(path),
  where: () => ({ run: view.get("run"), window: view.get("window") }),
  staleness: isStale,
});
const strip = new Strip(find("strip"), {
  onChoose: (first, last) => view.set({ window: `${first}-${last}` }),
  onNote: (text) => {
    find("strip-note").textContent = text;
  },
});
const chooser = new Chooser(find("window"), { onChoose: (word) => view.set({ window: word }) });

function isStale() {
  return feed.runIsLive && look.outcomes === "stale";
}

function outcomeOf(path) {
  for (const row of Object.values(feed.boards.quality.rows)) {
    const words = row.lumisection?.elements?.[path] ?? row.run?.elements?.[path];
    if (words) return words;
  }
  return null;
}

function closeDetail() {
  const path = view.get("plot");
  view.set({ plot: "" });
  grid.focus(path);
}

function lookAtFreshness() {
  const before = look;
  look = freshness.look();
  const processes = freshness.processes();
  showFreshness(look, processes, feed.runIsLive && feed.following);
  if (!find("processes").hidden) showProcesses(processes);
  if (before.outcomes !== look.outcomes || before.data !== look.data) showAll();
}

function showQuality() {
  showVerdict(feed.boards.quality, look, feed.runIsLive);
  showWorkspaces(feed.boards.quality, view.get("workspace"), {
    stale: isStale(),
    href: (workspace) => view.linkWith({ workspace, plot: "" }),
  });
  grid.redraw();
  listElements();
}

function showStrip() {
  strip.stale = isStale();
  strip.show(feed.boards.strip, Object.keys(feed.boards.quality.rows).sort());
}

function showRunList() {
  const live = Object.values(feed.boards.runs.rows);
  const known = new Map([...stored, ...live].map((row) => [row.run, row]));
  showRuns(known.values(), feed.boards.runs.header.current, view.get("run"), (run) => view.linkWith({ run, plot: view.get("plot"), window: /^\d/.test(view.get("window")) ? "lumisection" : view.get("window") }));
}

function showRun() {
  showNow(feed.boards.run, feed.boards.strip, feed.runIsLive && look.data === "fresh");
  showAccounting(feed.boards.run);
}

function showWindow() {
  const word = view.get("window");
  chooser.show(word);
  strip.choose(/^\d/.test(word) ? word.split("-").map(Number) : null);
  find("find-text").value = view.get("find");
  document.body.dataset.window = word;
}

function showAll() {
  showQuality();
  showStrip();
  showRun();
  showRunList();
  detail.draw();
}

// Plain words find names that contain them; with a wildcard it is a glob.
function asGlob(text) {
  return /[*?[]/.test(text) ? text : `**${text}**`;
}

async function listElements({ again = false } = {}) {
  const [workspace, text, run] = [view.get("workspace"), view.get("find").trim(), view.get("run")];
  const rows = Object.values(feed.boards.quality.rows).map((row) => `${row.workspace} ${row.elements}`);
  const key = JSON.stringify([workspace, text, run, feed.runIsLive, rows]);
  if (key === booked && !again) return;
  booked = key;
  const query = { match: text && asGlob(text), limit: LISTED };
  if (run !== "current") query.run = run;
  try {
    const path = workspace ? `/workspaces/${encodeURIComponent(workspace)}/elements` : "/elements";
    const answer = await ask(path, query);
    if (key !== booked) return;
    const windows = windowName(view.get("window"));
    find("count").textContent = `${answer.total} plots${answer.after ? `, the first ${LISTED} shown` : ""} · ${windows}`;
    grid.show(answer.elements);
  } catch (error) {
    if (!(error instanceof Refused)) {
      booked = "";
      return;
    }
    find("count").textContent = error.message;
    grid.show([]);
  }
}

async function listStoredRuns(before = null) {
  try {
    const answer = await ask("/runs", { limit: RUNS_PER_PAGE, before });
    stored = before === null ? answer.runs : [...stored, ...answer.runs];
    storedBefore = answer.before;
    find("runs-more").hidden = storedBefore === null;
    showRunList();
  } catch {
    // The list of live runs comes by the stream; older ones are asked for again with the next.
  }
}

view.onChange((changed) => {
  if (changed.has("run") || changed.has("window")) feed.follow();
  if (changed.has("plot")) {
    feed.watch("detail", view.get("plot") ? [view.get("plot")] : []);
    detail.open(view.get("plot"));
  } else if (changed.has("run") || changed.has("window")) {
    detail.refresh();
  }
  showWindow();
  listElements({ again: changed.has("window") });
  lookAtFreshness();
  showAll();
});

feed.on("plot", (path) => {
  grid.update(path);
  if (path === detail.path) detail.draw();
});
feed.on("pulse", () => {
  freshness.take(feed.boards.pulse);
  lookAtFreshness();
});
feed.on("runs", () => {
  showRunList();
  lookAtFreshness();
});
feed.on("run", showRun);
feed.on("strip", () => {
  showStrip();
  showRun();
});
feed.on("quality", () => {
  showQuality();
  showStrip();
  detail.refresh();
});

addEventListener("hashchange", () => view.reread());
addEventListener("popstate", () => view.reread());
addEventListener("resize", () => strip.draw());
find("find").addEventListener("submit", (event) => event.preventDefault());
find("find-text").addEventListener("input", debounced((event) => view.set({ find: event.target.value }), 200));
find("strip-older").addEventListener("click", () => strip.page(-1));
find("strip-newer").addEventListener("click", () => strip.page(1));
find("runs-more").addEventListener("click", () => listStoredRuns(storedBefore));
find("chip-processes").addEventListener("click", () => {
  const popover = find("processes");
  popover.hidden = !popover.hidden;
  find("chip-processes").setAttribute("aria-expanded", String(!popover.hidden));
  showProcesses(freshness.processes());
});

function debounced(action, wait) {
  let timer = null;
  return (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(event), wait);
  };
}

legend(find("legend"));
showWindow();
stream.connect();
feed.start();
listElements();
listStoredRuns();
if (view.get("plot")) {
  feed.watch("detail", [view.get("plot")]);
  detail.open(view.get("plot"));
}
setInterval(lookAtFreshness, LOOK);
