// The grid of plots. Only those on screen are watched and drawn.

import { badge } from "./outcomes.js";
import { drawPlot } from "./plot.js";
import { element } from "./words.js";

const SETTLE = 80;

export class Grid {
  #tiles = new Map();
  #visible = new Set();
  #dirty = new Set();
  #timer = null;
  #frame = null;

  constructor(parent, { onVisible, onOpen, plotOf, outcomeOf }) {
    this.parent = parent;
    this.onVisible = onVisible;
    this.onOpen = onOpen;
    this.plotOf = plotOf;
    this.outcomeOf = outcomeOf;
    this.observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "120px" });
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(parent);
  }

  get paths() {
    return [...this.#tiles.keys()];
  }

  show(elements) {
    const wanted = elements.map((each) => each.path);
    if (wanted.join("\n") === this.paths.join("\n")) return;
    this.observer.disconnect();
    this.#tiles.clear();
    this.#visible.clear();
    this.parent.replaceChildren();
    for (const each of elements) {
      const tile = this.#make(each);
      this.#tiles.set(each.path, tile);
      this.parent.append(tile.root);
      this.observer.observe(tile.root);
    }
    if (!elements.length) this.#settle();
  }

  update(path) {
    if (!this.#visible.has(path)) return;
    this.#dirty.add(path);
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  redraw() {
    for (const path of this.#visible) this.update(path);
  }

  focus(path) {
    this.#tiles.get(path)?.root.focus();
  }

  #make(each) {
    const canvas = element("canvas", { role: "img" });
    const title = element("span", { className: "title", text: each.title });
    const state = element("span", { className: "state" });
    const head = element("span", { className: "tile-head" }, title, state);
    const root = element("button", { className: "tile", type: "button", title: each.path }, head, canvas);
    root.dataset.path = each.path;
    root.addEventListener("click", () => this.onOpen(each.path));
    return { root, canvas, state };
  }

  #seen(entries) {
    for (const entry of entries) {
      const { path } = entry.target.dataset;
      if (entry.isIntersecting) this.#visible.add(path);
      else this.#visible.delete(path);
    }
    this.#settle();
  }

  // Scrolling passes many plots: what is watched changes when it rests.
  #settle() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.onVisible(this.paths.filter((path) => this.#visible.has(path)));
      this.redraw();
    }, SETTLE);
  }

  #draw() {
    this.#frame = null;
    for (const path of this.#dirty) {
      const tile = this.#tiles.get(path);
      if (!tile) continue;
      const plot = this.plotOf(path);
      drawPlot(tile.canvas, plot);
      const { words, stale } = this.outcomeOf(path);
      tile.state.replaceChildren(...(words ? [badge(words, { stale })] : []));
      const { first = 0, last = 0, run = "" } = plot?.header?.window ?? {};
      tile.root.dataset.entries = plot?.header?.totals?.entries ?? "";
      tile.canvas.setAttribute("aria-label", `${path}, run ${run}, LS ${first} to ${last}`);
    }
    this.#dirty.clear();
  }
}
