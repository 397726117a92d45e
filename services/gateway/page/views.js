/** The views of the page: the plots, and others, each a module of its own loaded when first asked for. */

import { byId, h, keyed, setAttributes, setText, show } from "./dom.js";
import { viewOf } from "./router.js";

/**
 * Views beside the plots, by their word in the address. `load` gives a module with `open(root, parts)`,
 * which builds the view into a section and returns `{follow(route), leave()}`: `follow` is called when
 * the view is shown and at each change of the address, `leave` when another is shown. Beside a view
 * the strip of LSs stays where the part of the address that `strip` names is there.
 */
const VIEWS = {
  alarms: { title: "Alarms", style: "alarms/alarms.css", load: () => import("./alarms/view.js") },
  find: { title: "Find", style: "find/find.css", load: () => import("./find/view.js") },
  layouts: { title: "Layouts", style: "layouts/layouts.css", strip: "layout", load: () => import("./layouts/view.js") },
  runs: { title: "Runs", style: "runs/runs.css", load: () => import("./runs/view.js") },
  system: { title: "System", style: "system/system.css", load: () => import("./system/view.js") },
};

/** The page of single events, which stands behind the views in the navigation. */
const EVENTS = "display";

/** Words of the navigation. */
const LINKS = new Map([
  ["", "Plots"], ...Object.entries(VIEWS).map(([name, { title }]) => [name, title]), [EVENTS, "Events"],
]);

export class Views {
  constructor(parts) {
    this._parts = parts;
    this._open = new Map();
    this._shown = "";
  }

  /** Whether a route is of one of the views, instead of the plots. */
  has(route) {
    return Object.hasOwn(VIEWS, viewOf(route));
  }

  /** Show what the route names. */
  async follow(route) {
    this._draw(route);
    const name = this.has(route) ? viewOf(route) : "";
    show(byId("plots"), !name);
    show(byId("strip"), !name || Boolean(VIEWS[name].strip && route[VIEWS[name].strip]));
    show(byId("view"), Boolean(name));
    if (name !== this._shown) this._leave();
    this._shown = name;
    if (!name) return;
    if (!this._open.has(name)) this._open.set(name, this._load(name));
    const view = await this._open.get(name);
    // Another may have been asked for while the module came.
    if (this._shown !== name) return;
    for (const part of byId("view").children) show(part, part.dataset.view === name);
    view.follow(this._parts.router.route);
  }

  async _leave() {
    const left = await this._open.get(this._shown);
    left?.leave();
  }

  async _load(name) {
    const { title, style, load } = VIEWS[name];
    if (style) document.head.append(h("link", { rel: "stylesheet", href: style }));
    const root = h("section", { "aria-label": title });
    root.dataset.view = name;
    byId("view").append(root);
    try {
      const { open } = await load();
      return open(root, this._parts);
    } catch (error) {
      root.replaceChildren(h("p", { role: "alert" }, `${title} could not be loaded: ${error.message}`));
      return { follow() {}, leave: () => this._forget(name, root) };
    }
  }

  /** What could not be loaded is asked for anew when it is chosen again. */
  _forget(name, root) {
    this._open.delete(name);
    root.remove();
  }

  _draw(route) {
    const shown = this.has(route) ? viewOf(route) : "";
    keyed(byId("views"), LINKS.keys(), () => h("a"), (link, name) => {
      setText(link, LINKS.get(name));
      if (name === EVENTS) setAttributes(link, { id: "events", href: EVENTS, title: "Single events, as they are picked" });
      else setAttributes(link, { href: this._parts.router.link({ view: name, path: "" }), "aria-current": name === shown ? "page" : null });
    });
  }
}
