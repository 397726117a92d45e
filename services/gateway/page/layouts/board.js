/** The plots of a tab, live. Only those on screen are asked for and drawn. */

import { onBitmap } from "../canvas.js";
import { h, keyed, setAttributes, setText } from "../dom.js";
import { Turns } from "../turns.js";
import { apart, otherLumisections } from "./apart.js";
import { Card } from "./card.js";
import { keyedCells } from "./difference.js";
import { Drawing } from "./drawing.js";
import { cellWord, largeParts } from "./large.js";
import { candidateOf, sourceShort } from "./source.js";

const KEYS = "Shift+ArrowLeft Shift+ArrowRight Shift+ArrowUp Shift+ArrowDown + - Delete Enter";

export class Board {
  /** `edit` is what the editor does with cells: see `Editing`. */
  constructor(root, parts, edit) {
    Object.assign(this, parts);
    this._edit = edit;
    this._drawing = new Drawing(parts);
    this._cards = new Map();
    this._visible = new Set();
    this._turns = new Turns((key) => (this._visible.has(key) && this._shown ? this._draw(this._cards.get(key)) : null));
    this._shown = null;
    this._grid = h("div", { class: "cells", id: "layout-plots" });
    this._none = h("p", { class: "cells-none", hidden: true });
    root.append(this._grid, this._none);
    this._watcher = new IntersectionObserver((entries) => this._seen(entries), { rootMargin: "200px" });
    this._sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => this._mark(target.dataset.key)));
    const ofPath = ({ detail }) => this._markPath(detail.path);
    parts.feed.addEventListener("plot", ofPath);
    parts.trends.addEventListener("trend", ofPath);
    parts.beside.addEventListener("plot", ofPath);
    parts.choices.addEventListener("reference", ofPath);
    parts.others.addEventListener("others", ofPath);
    parts.beside.addEventListener("sets", () => this.redraw());
    parts.bad.addEventListener("reports", () => this.redraw());
    this._grid.addEventListener("keydown", (event) => this._key(event));
    for (const kind of ["dragstart", "dragover", "drop", "dragend"]) this._grid.addEventListener(kind, (event) => this._drag(event));
  }

  /**
   * Show a tab, or nothing for null.
   *
   * @param editing whether cells can be changed
   * @param pair the set or candidate that is shown beside; empty for none
   * @param at the cell that is being edited; -1 for none
   */
  show(tab, { editing = false, pair = "", at = -1, name = "", tabs = 0 } = {}) {
    this._shown = tab && { tab, editing, pair };
    const cells = keyedCells(tab?.cells ?? []);
    const elements = new Map(this.model.elements.map((element) => [element.path, element]));
    const order = [...cells.keys()];
    this._order = order;
    const columns = tab?.columns ?? 1;
    this._grid.style.setProperty("--columns", columns);
    setAttributes(this._grid, { "aria-label": `Plots of ${name}`, role: tabs > 1 ? "tabpanel" : "group", "data-editing": editing });
    keyed(this._grid, order, (key) => this._make(cells.get(key)), (root, key) => {
      if (!this._cards.has(key)) this._adopt(key, root);
      const card = this._cards.get(key);
      const cell = cells.get(key);
      card.describe(cell, {
        elements, editing, columns, pair: Boolean(pair), run: this.model.run?.run ?? this.router.route.run,
        link: (path) => this.router.link({ path, cell: cellWord(tab.cells, order.indexOf(key), path), ...largeParts(cell, elements.get(path), this.router.route.ref) }),
      });
      setAttributes(root, { draggable: editing ? "true" : null, tabindex: editing ? 0 : null, "aria-keyshortcuts": editing ? KEYS : null, "data-chosen": editing && order.indexOf(key) === at });
      this._edit.tools(card, editing, order.indexOf(key), order.length);
    });
    this._forget(new Set(order));
    setText(this._none, editing ? "This tab is empty: find elements beside, and add them." : "This tab has no plots.");
    this._none.hidden = !tab || order.length > 0;
    this.redraw();
  }

  redraw() {
    for (const key of this._visible) this._mark(key);
  }

  /** Put the keyboard on a plot. */
  focus(at) {
    const root = this._cards.get(this._order?.[at])?.root;
    (this._shown?.editing ? root : root?.querySelector("a[href]"))?.focus();
  }

  /** Put the keyboard on the first plot of a path. */
  focusPath(path) {
    this.focus(this._order?.findIndex((key) => this._cards.get(key).cell.paths.includes(path)) ?? -1);
  }

  _make(cell) {
    const card = new Card(cell);
    card.root.card = card;
    return card.root;
  }

  _adopt(key, root) {
    this._cards.set(key, root.card);
    this._watcher.observe(root);
    this._sizes.observe(root);
  }

  _forget(kept) {
    for (const [key, { root }] of this._cards) {
      if (kept.has(key)) continue;
      this._watcher.unobserve(root);
      this._sizes.unobserve(root);
      this._visible.delete(key);
      this._cards.delete(key);
    }
    this._want();
  }

  _seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const { key } = target.dataset;
      if (this._cards.get(key)?.root !== target) continue;
      if (isIntersecting) {
        this._visible.add(key);
        this._mark(key);
      } else this._visible.delete(key);
    }
    this._want();
  }

  /** What is on screen is asked for: only what the run books, as of others there is nothing to be had. */
  _want() {
    const booked = new Set(this.model.elements.map(({ path }) => path));
    const cells = [...this._visible].map((key) => this._cards.get(key)?.cell).filter(Boolean);
    this.feed.want("layouts", cells.filter(({ set }) => !set).flatMap(({ paths }) => paths).filter((path) => booked.has(path)));
    const bySet = {};
    for (const { set, paths } of cells) if (set) bySet[set] = [...(bySet[set] ?? []), ...paths];
    const pair = this._shown?.pair;
    if (pair) bySet[pair] = [...(bySet[pair] ?? []), ...cells.flatMap(({ paths }) => paths)];
    this.beside.want(bySet);
  }

  _markPath(path) {
    for (const key of this._visible) if (this._cards.get(key)?.cell.paths.includes(path)) this._mark(key);
  }

  _mark(key) {
    if (this._visible.has(key)) this._turns.mark(key);
  }

  /** Draw the canvases; the texts are written by what is returned. */
  _draw(card) {
    const { cell } = card;
    const [path] = cell.paths;
    const { pair } = this._shown;
    const plot = this._drawing.plot(cell, path);
    const outcome = this._outcome(cell.set, path, plot);
    const beside = pair ? this._drawing.plot(cell, path, pair) : null;
    const texts = [];
    if (card.isThere) {
      const lacking = onBitmap(card.canvas, (paper) => this._drawing.draw(paper, cell, cell.set, beside));
      const why = this.choices.why(cell);
      if (why && cell.reference.choice !== "booked") lacking.push({ label: "reference", why });
      setAttributes(card.root, { "aria-busy": cell.set || this.feed.isCurrent(path) ? null : "true" });
      texts.push(() => card.drawn(plot, outcome, lacking, cell.draw.stats));
    }
    if (pair) {
      const problems = onBitmap(card.other, (paper) => this._drawing.draw(paper, cell, pair, plot));
      const other = this._outcome(pair, path, beside);
      const names = [cell.set, pair].map((set) => (set ? `in ${sourceShort(set)}` : candidateOf(pair) ? "in production" : "as shown"));
      // Compared here, where a frame has its time measured: large maps take some.
      const says = apart(plot, beside);
      texts.push(() => card.paired(names, [outcome, other], beside, {
        says, covers: otherLumisections(plot, beside), both: this.beside.both(cell.set, pair, path), problem: problems.map(({ label, why }) => `${label}: ${why}`).join("\n"),
      }));
    }
    return () => texts.forEach((write) => write());
  }

  _outcome(set, path, plot) {
    if (set) return this.beside.verdict(set, path)?.[0] ?? null;
    const workspace = plot?.header.element?.workspace ?? this.model.elements.find((element) => element.path === path)?.workspace;
    return this.model.verdict(workspace, path)?.[0] ?? null;
  }

  // ------------------------------------------------------------------ keyboard and pointer

  /** Arrows go from plot to plot; of what is edited, Shift moves it, + and − make it wider and narrower. */
  _key(event) {
    const root = event.target.closest(".cell");
    if (!root || event.altKey || event.ctrlKey || event.metaKey || event.target.closest(".cell-tools")) return;
    const at = this._order.indexOf(root.dataset.key);
    const across = this._across();
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    const { editing } = this._shown;
    if (by && editing && event.shiftKey) this._edit.move(at, at + by);
    else if (by && at + by >= 0 && at + by < this._order.length) this.focus(at + by);
    else if (!by && !(editing && event.target === root && this._edit.key(event.key, at))) return;
    event.preventDefault();
    event.stopPropagation();
  }

  _across() {
    const columns = getComputedStyle(this._grid).gridTemplateColumns.split(" ").length;
    const span = Math.max(1, this._cards.get(this._order[0])?.cell.span ?? 1);
    return Math.max(1, Math.floor(columns / span));
  }

  _drag(event) {
    const root = event.target.closest?.(".cell");
    if (!root || !this._shown?.editing) return;
    const at = this._order.indexOf(root.dataset.key);
    if (event.type === "dragstart") {
      this._dragged = root.dataset.key;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", root.card.label);
    } else if (event.type === "dragover" && this._dragged) {
      event.preventDefault();
      for (const card of this._cards.values()) card.root.toggleAttribute("data-drop", card.root === root && root.dataset.key !== this._dragged);
    } else {
      for (const card of this._cards.values()) card.root.removeAttribute("data-drop");
      const from = this._order.indexOf(this._dragged);
      this._dragged = null;
      if (event.type !== "drop" || from < 0) return;
      event.preventDefault();
      if (from !== at) this._edit.move(from, at);
    }
  }
}
