/** The page of single events: what was picked is shown as it comes, or held to be looked at. */

import { Refusal, ask } from "./api.js";
import { byId, framed, h, setAttributes, setText, show } from "./dom.js";
import { About } from "./displayabout.js";
import { inks } from "./displaycolours.js";
import { DisplayFeed } from "./displayfeed.js";
import { Recent } from "./displayrecent.js";
import { sceneOf } from "./displayscene.js";
import { SCALES, View } from "./displayviews.js";
import { age, count } from "./format.js";
import { Login } from "./login.js";
import { drawMarks } from "./marks.js";
import { Stream } from "./stream.js";

const LINKS = {
  live: "live", ended: "run ended", waiting: "waiting", stale: "stale", lost: "connection lost",
};

/** The year 2001, in nanoseconds: earlier times are those of made-up runs. */
const DATED = 1e18;

const streamUrl = new URL("api/v1/stream", location.href.split("#")[0]);
streamUrl.protocol = streamUrl.protocol.replace("http", "ws");
const feed = new DisplayFeed(new Stream(streamUrl.href));
new Login();
const front = new View(byId("front"), false);
const side = new View(byId("side-view"), true);
const recent = new Recent(byId("recent"), (row) => hold(row));
const about = new About({ onHide: () => draw() });

const words = new URLSearchParams(location.hash.slice(1));
let scale = words.get("scale") in SCALES ? words.get("scale") : "tracker";
let theme = words.get("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
let held = null;
let shown = null;
/** Of what is shown, made once: views know what is pointed at by its object. */
let scene = null;
let asked = 0;

const draw = framed(() => {
  const ink = inks(theme);
  const softest = Number(byId("softest").value);
  const nothing = "No event yet: none was picked, or no source sends tracks, jets or muons";
  for (const view of [front, side]) {
    view.draw({ scene, scale, ink, hidden: about.hidden, softest, nothing, again: draw });
  }
  document.body.dataset.drawn = shown ? `${shown.run}/${shown.event}` : "";
});

feed.addEventListener("change", () => {
  // Heartbeats and runs are changes, too.
  if (!held && feed.newest && feed.newest !== shown) take(feed.newest);
  tell();
});
byId("follow").addEventListener("click", () => follow(Boolean(held)));
byId("softest").addEventListener("change", () => draw());
byId("theme").addEventListener("click", () => {
  theme = theme === "light" ? "dark" : "light";
  dress();
});
for (const [name, { name: text }] of Object.entries(SCALES)) {
  byId("scales").append(h("button", { type: "button", "data-scale": name, onclick: () => zoom(name) }, text));
}
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("select")) return;
  if (event.key === " ") {
    event.preventDefault();
    follow(Boolean(held));
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    event.preventDefault();
    const next = recent.beside(shown, event.key === "ArrowLeft" ? -1 : 1);
    if (next) hold(next);
  }
});
window.addEventListener("resize", draw);
// Nothing has to arrive for the page to turn grey: it looks at its own clock.
setInterval(tell, 500);
dress();
zoom(scale);
tell();
start();

/** A link may name an event: it is held as long as the gateway has it. */
function start() {
  const [run, event] = [words.get("run"), words.get("event")];
  if (/^[1-9]\d{0,9}$/.test(run ?? "") && /^\d{1,20}$/.test(event ?? "")) hold({ run, event });
}

/** Show an event of the list, and stay with it. */
async function hold({ run, event }) {
  asked += 1;
  const mine = asked;
  held = `${run}/${event}`;
  tell();
  try {
    const display = await ask(`displays/${run}/${event}`);
    if (mine !== asked) return;
    problem("");
    take(display);
  } catch (error) {
    if (mine === asked) problem(error instanceof Refusal ? error.message : "the gateway does not answer");
  }
  address();
}

/** Follow what is picked, or stay with what is shown. */
function follow(yes) {
  asked += 1;
  problem("");
  held = yes || !shown ? null : `${shown.run}/${shown.event}`;
  if (!held && feed.newest) take(feed.newest);
  address();
  tell();
}

function take(display) {
  shown = display;
  scene = sceneOf(display);
  about.draw(scene, inks(theme));
  draw();
  tell();
}

function zoom(name) {
  scale = name;
  for (const button of byId("scales").children) {
    setAttributes(button, { "aria-pressed": String(button.dataset.scale === name) });
  }
  const beams = name === "beams";
  setText(byId("front-name"), "Along the beams: x to the right, y up");
  setText(byId("side-name"), beams ? "From the side: z to the right, y up" : "From the side: z to the right, distance from the beams up and down");
  address();
  draw();
}

function dress() {
  document.documentElement.dataset.theme = theme;
  setText(byId("theme"), theme === "light" ? "Dark" : "Light");
  if (scene) about.draw(scene, inks(theme));
  address();
  draw();
}

/** The address says what is seen, so that it can be passed on. */
function address() {
  const said = new URLSearchParams();
  if (held) {
    const [run, event] = held.split("/");
    said.set("run", run);
    said.set("event", event);
  }
  if (scale !== "tracker") said.set("scale", scale);
  if (words.has("theme") || theme !== "dark") said.set("theme", theme);
  history.replaceState(null, "", `#${said}`);
}

function problem(text) {
  setText(byId("problem"), text);
  show(byId("problem"), Boolean(text));
}

/** The head of the page, the strip of events, and how old what is shown is. */
function tell() {
  const fresh = feed.freshness;
  document.body.dataset.fresh = fresh.state;
  document.body.toggleAttribute("data-held", Boolean(held));
  byId("link").title = fresh.says;
  setText(byId("link").lastElementChild, fresh.state === "stale" ? fresh.says : LINKS[fresh.state]);
  setAttributes(byId("follow"), { "aria-pressed": String(!held) });
  setText(byId("follow"), held ? "Held: follow again" : "Following: hold");
  recent.draw(feed.rows, shown, inks(theme));
  if (!shown) return;
  setText(byId("fact-run"), String(shown.run));
  drawMarks(byId("fact-marks"), shown.marks);
  setText(byId("fact-lumisection"), String(shown.lumisection));
  setText(byId("fact-event"), count(shown.event));
  setText(byId("fact-crossing"), shown.bunch_crossing === null ? "–" : String(shown.bunch_crossing));
  setText(byId("fact-time"), shown.time === null || shown.time < DATED ? "–" : new Date(shown.time / 1e6).toISOString().slice(0, 23).replace("T", " "));
  setText(byId("fact-age"), `${age(feed.ageOf(shown))} ago`);
  setText(byId("why"), shown.why);
  document.title = `${fresh.state === "stale" || fresh.state === "lost" ? "STALE · " : ""}event ${shown.event} · run ${shown.run} · dqmstream`;
}
