/** Where one is, kept in the address, so that every view is a link that can be passed on. */

import { momentOf } from "./travel/moment.js";

/**
 * What plots are drawn with (`plots/`): the reference and its scale; of the large one what lies over it,
 * how, the panel below, a projection, ranges of axes, logarithms, and whether the box of statistics is there.
 */
const COMPARED = { ref: "", norm: "", over: "", how: "", panel: "", proj: "", zoom: "", log: "", box: "" };

/** Those of one plot alone, and those of the large one, which stay while one steps from plot to plot. */
const [OF_ONE, OF_LARGE] = [["proj", "zoom", "log", "fit", "cell"], ["how", "panel", "of", "by", "js"]];

/**
 * What stands beside the large plot: of what (`of`) and against what (`by`) the trend is, the fit as
 * `model` or `model:from:to` (`plots/fits.js`), and whether JSROOT is open.
 */
const BESIDE = { of: "", by: "", fit: "", js: "" };

/**
 * How all of it is seen: on the wall; as of a moment in the past (`at`, as the API's `as_of`); and the
 * filter of the list of runs.
 */
const SEEN = { wall: "", at: "", runs: "" };

/** A layout: its name, the tab and version of it, the set of bookings that is shown beside, and the cell of the plot that is large. */
const LAYOUT = { layout: "", tab: "", version: "", with: "", cell: "" };

const HOME = { view: "", alarm: "", alarms: "", run: null, workspace: "", path: "", window: "last-10", match: "", only: "", ...LAYOUT, ...SEEN, ...COMPARED, ...BESIDE };

/** Parts of an address that are text as it stands. */
const TEXTS = [...Object.keys(COMPARED), ...Object.keys(BESIDE), ...Object.keys(SEEN), ...Object.keys(LAYOUT), "view", "alarm", "alarms", "workspace", "path", "match", "only"];

/** `lumisection`, `run`, `last-N`, `a-b`, or `0-0` for what was imported of the whole run. */
const WINDOW = /^(lumisection|run|last-[1-9]\d{0,5}|([1-9]\d{0,7})-([1-9]\d{0,7})|0-0)$/;

/** The window of what was imported of the whole run: LS 0, which no detector has. */
export const WHOLE_RUN = "0-0";

/** The view beside the plots that a route is of: a layout is one, until one of its plots is large. */
export const viewOf = ({ view, layout, path }) => view || (layout && !path ? "layouts" : "");

/** The moment in an address fragment if it cannot be read as one: then now is shown, which has to be said. */
export function unreadMoment(hash) {
  const at = new URLSearchParams(hash.replace(/^#/, "")).get("at") ?? "";
  return momentOf(at) === null ? at : "";
}

/** The view an address fragment stands for. What is not understood is left at its default. */
function parse(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const route = { ...HOME };
  for (const name of TEXTS) route[name] = given.get(name) ?? "";
  if (/^[1-9]\d{0,9}$/.test(given.get("run") ?? "")) route.run = Number(given.get("run"));
  if (momentOf(route.at) === null) route.at = "";
  if (isWindow(given.get("window") ?? "")) route.window = given.get("window");
  return route;
}

/** Whether a word is a window, with a rising range. */
export function isWindow(word) {
  const found = WINDOW.exec(word);
  return Boolean(found) && (!found[2] || Number(found[2]) <= Number(found[3]));
}

/** First and last LS of a window `a-b`; null for others. */
export function rangeOf(word) {
  const found = WINDOW.exec(word);
  if (word === WHOLE_RUN) return [0, 0];
  return found && found[2] ? [Number(found[2]), Number(found[3])] : null;
}

/** The address fragment of a view; defaults are left out. */
function format(route) {
  const words = Object.entries(route)
    .filter(([name, value]) => value !== HOME[name] && value !== null && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/")}`);
  return `#${words.join("&")}`;
}

/** Follows the address; `onRoute(route, before)` is called whenever it changes. */
export class Router {
  constructor(onRoute) {
    this.route = parse(location.hash);
    window.addEventListener("hashchange", () => {
      const before = this.route;
      this.route = parse(location.hash);
      onRoute(this.route, before);
    });
  }

  /** The address of this view with some parts changed. */
  link(change) {
    // Two cells of a layout may have the same element.
    const isOther = ["path", "cell"].some((name) => name in change && change[name] !== this.route[name]);
    const dropped = [...(isOther ? OF_ONE : []), ...(isOther && change.path === "" ? OF_LARGE : [])];
    // Whoever goes elsewhere leaves the layout; its plots stay in it.
    if (["view", "workspace", "match"].some((name) => name in change)) dropped.push(...Object.keys(LAYOUT));
    return format({ ...this.route, ...Object.fromEntries(dropped.map((name) => [name, ""])), ...change });
  }

  /** Go there; `replace` leaves no step for the back button. */
  go(change, { replace = false } = {}) {
    const hash = this.link(change);
    if (hash === (location.hash || "#")) return;
    if (!replace) location.hash = hash;
    else {
      history.replaceState(null, "", hash);
      window.dispatchEvent(new HashChangeEvent("hashchange"));
    }
  }
}
