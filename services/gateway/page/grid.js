/** The grid of plots. Only those on screen are asked for and drawn. */

import { onBitmap } from "./canvas.js";
import { byId, h, keyed, setAttributes, setText, show } from "./dom.js";
import { badge, isProblem, setBadge } from "./outcomes.js";
import { describePlot } from "./plot.js";
import { Turns } from "./turns.js";

export class Grid {
  constructor({ model, router, feed, plots }) {
    Object.assign(this, { model, router, feed, plots });
    this._root = byId("grid");
    this._cards = new Map();
    this._visible = new Set();
    this._turns = new Turns((path) => (this._visible.has(path) ? this._draw(path, this._cards.get(path)) : null));
    this._paths = [];
    this._watcher = new IntersectionObserver((entries) => this._seen(entries), { rootMargin: "200px" });
    this._sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => this._mark(target.dataset.path)));
    feed.addEventListener("plot", ({ detail }) => this._mark(detail.path));
    plots.onChange((path) => (path === null ? this.redraw() : this._mark(path)));
    this._root.addEventListener("keydown", (event) => this._step(event));
  }

  /** Paths in the order in which they are shown. */
  get paths() {
    return this._paths;
  }

  /** Show sections `[{title, paths}]` of elements, or `nothing` in words if there are none. */
  show(sections, nothing) {
    this._paths = sections.flatMap(({ paths }) => paths);
    const byTitle = new Map(sections.map((section) => [section.title, section]));
    const elements = new Map(this.model.elements.map((element) => [element.path, element]));
    const keys = sections.length ? [...byTitle.keys()] : [""];
    keyed(this._root, keys, () => h("section", {}, h("h2"), h("div", { class: "cards" })), (part, title) => {
      const section = byTitle.get(title) ?? { title: nothing, paths: [] };
      setAttributes(part, { class: sections.length ? null : "nothing" });
      setText(part.firstElementChild, section.title);
      keyed(part.lastElementChild, section.paths, (path) => this._card(path), (card, path) => {
        this._describe(card, elements.get(path));
      });
    });
    this._forget(new Set(this._paths));
    this.redraw();
  }

  /** Draw all plots on screen anew. */
  redraw() {
    for (const path of this._visible) this._mark(path);
  }

  /** Put the keyboard on a plot, and bring it on screen. */
  focus(path) {
    this._cards.get(path)?.focus();
  }

  _card(path) {
    const card = h("a", { class: "card" },
      h("header", {}, badge("NOT_RUN"), h("h3")),
      h("canvas", { class: "main", "aria-hidden": "true" }),
      h("canvas", { class: "spark", "aria-hidden": "true", hidden: true }),
      h("footer", {}, h("span"), h("span")),
    );
    card.dataset.path = path;
    show(card.querySelector(".badge"), false);
    this._cards.set(path, card);
    this._watcher.observe(card);
    this._sizes.observe(card);
    return card;
  }

  _describe(card, element) {
    setText(card.querySelector("h3"), element?.title ?? card.dataset.path.split("/").at(-1));
    setAttributes(card, { href: this.router.link({ path: card.dataset.path }), title: card.dataset.path });
  }

  _forget(kept) {
    for (const [path, card] of this._cards) {
      if (kept.has(path) && card.isConnected) continue;
      this._watcher.unobserve(card);
      this._sizes.unobserve(card);
      this._visible.delete(path);
      this._cards.delete(path);
    }
    this.feed.want("grid", this._visible);
  }

  _seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const { path } = target.dataset;
      if (this._cards.get(path) !== target) continue;
      if (isIntersecting) {
        this._visible.add(path);
        this._mark(path);
      } else this._visible.delete(path);
    }
    this.feed.want("grid", this._visible);
  }

  _mark(path) {
    if (this._visible.has(path)) this._turns.mark(path);
  }

  /** Draw the canvases; the texts are written by what is returned. */
  _draw(path, card) {
    const plot = this.feed.plot(path);
    const element = plot?.header.element;
    const outcome = this.model.verdict(element?.workspace ?? this._workspace(path), path)?.[0] ?? null;
    const [head, main, spark, foot] = card.children;
    show(head.firstElementChild, outcome !== null);
    setBadge(head.firstElementChild, outcome ?? "NOT_RUN");
    setAttributes(card, {
      "data-outcome": outcome,
      "data-drawn": Boolean(plot),
      "aria-busy": this.feed.isCurrent(path) ? null : "true",
      "aria-label": `${describePlot(plot)}; ${outcome ?? "no quality test"}`,
    });
    const sparks = this.plots.hasSpark(plot);
    show(spark, sparks);
    setAttributes(main, { "data-short": sparks });
    onBitmap(main, (paper) => this.plots.draw(paper, path, plot));
    if (sparks) onBitmap(spark, (paper) => this.plots.drawSpark(paper, path));
    return () => this.plots.words(path, plot).forEach((words, i) => setText(foot.children[i], words));
  }

  _workspace(path) {
    return this.model.elements.find((element) => element.path === path)?.workspace;
  }

  /** Arrows go from plot to plot, up and down by rows. */
  _step(event) {
    const at = this._paths.indexOf(event.target.dataset?.path);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const across = Math.max(1, Math.floor(event.target.parentElement.clientWidth / (event.target.offsetWidth + 1)));
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    const path = this._paths[at + (by ?? 0)];
    if (!by || !path) return;
    event.preventDefault();
    this._cards.get(path)?.focus();
  }
}

/** Sections of elements: their folders, in booking order. */
export function byFolder(elements) {
  const folders = new Map();
  for (const { path } of elements) {
    const folder = path.split("/").slice(0, -1).join("/");
    folders.set(folder, [...(folders.get(folder) ?? []), path]);
  }
  return [...folders].map(([title, paths]) => ({ title, paths }));
}

/** Whether an element is one to look at. */
export const needsLook = (model) => ({ workspace, path }) => isProblem(model.verdict(workspace, path)?.[0]);
