/** The tree of all elements, with counts of elements, problems and alarms as they are now. */

import { h, framed, keyed, setAttributes, setText, show } from "../dom.js";
import { count, plural } from "../format.js";
import { badge, isProblem, setBadge, worst } from "../outcomes.js";
import { FILTERS } from "./filters.js";

/** Open the view in `root`; see `views.js`. */
export function open(root, parts) {
  const view = new Tree(root, parts);
  return { follow: () => view.follow(), leave: () => view.leave() };
}

class Tree {
  constructor(root, { model, router, filters, alarms }) {
    Object.assign(this, { _model: model, _router: router, _filters: filters, _shown: false });
    this._unfolded = new Set([""]);
    this._words = h("p", { class: "well", role: "status" });
    this._chips = h("div", { class: "chips", role: "group", "aria-label": "Which elements" });
    this._tree = h("ul", { role: "tree", "aria-label": "Elements by folder" });
    root.append(h("header", {}, h("h1", {}, "Find"), this._words), this._chips, this._tree);
    this._tree.addEventListener("click", (event) => this._click(event));
    this._tree.addEventListener("keydown", (event) => this._key(event));
    this._redraw = framed(() => this._shown && this._draw());
    model.addEventListener("change", ({ detail: { what } }) => ["elements", "quality", "strip"].includes(what) && this._redraw());
    alarms.addEventListener("change", this._redraw);
    filters.onReference(() => router.route.only === "noreference" && this._redraw());
  }

  follow() {
    this._shown = true;
    this._draw();
  }

  leave() {
    this._shown = false;
  }

  _draw() {
    const { only } = this._router.route;
    keyed(this._chips, FILTERS.keys(), () => h("a"), (link, word) => {
      setText(link, FILTERS.get(word).title);
      setAttributes(link, { href: this._router.link({ only: word }), "aria-current": word === only ? "true" : null });
    });
    const test = this._filters.test(only);
    const chosen = this._model.elements.filter(test);
    const tree = folderOf(chosen, this._model, this._filters.alarmed);
    setText(this._words, `${plural(tree.elements, "element")} · ${plural(tree.problems, "problem")} · ${plural(tree.alarms, "alarm")}`);
    this._rows(this._tree, tree, 1);
    if (!this._tree.querySelector('[tabindex="0"]')) this._tree.querySelector('[role="treeitem"]')?.setAttribute("tabindex", 0);
  }

  _rows(list, folder, level) {
    const names = [...folder.folders.keys(), ...folder.leaves.map(({ path }) => path)];
    keyed(list, names, (name) => (folder.folders.has(name) ? branch() : leaf()), (item, name) => {
      const inside = folder.folders.get(name);
      if (inside) this._drawBranch(item, name, inside, level);
      else this._drawLeaf(item, folder.leaves.find(({ path }) => path === name), level);
    });
  }

  _drawBranch(item, name, folder, level) {
    const unfolded = this._unfolded.has(folder.path);
    const [line, list] = item.children;
    setAttributes(item, { "aria-expanded": unfolded ? "true" : "false", "aria-level": level, "data-path": folder.path, tabindex: item.tabIndex === 0 ? 0 : -1 });
    setBadge(line.children[1], folder.worst);
    setText(line.children[2], name);
    setText(line.children[3], countWords(folder));
    setAttributes(line.children[4], { href: this._router.link({ view: "", workspace: "", path: "", match: `${folder.path}/**` }) });
    show(list, unfolded);
    if (unfolded) this._rows(list, folder, level + 1);
  }

  _drawLeaf(item, { path, title, outcome, alarmed }, level) {
    const [link] = item.children;
    setAttributes(item, { "aria-level": level, tabindex: item.tabIndex === 0 ? 0 : -1 });
    setAttributes(link, { href: this._router.link({ view: "", path, match: "", workspace: "" }), title: path });
    setBadge(link.children[0], outcome);
    setText(link.children[1], path.split("/").at(-1));
    setText(link.children[2], [title, alarmed ? "▲ alarm" : ""].filter(Boolean).join(" · "));
  }

  _click(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (event.target.closest("a") || !item?.dataset.path) return;
    this._fold(item, !this._unfolded.has(item.dataset.path));
  }

  _fold(item, unfold) {
    if (unfold) this._unfolded.add(item.dataset.path);
    else this._unfolded.delete(item.dataset.path);
    this._draw();
    this._focus(item);
  }

  /** As trees work: up and down, right unfolds, left folds or goes out, Enter follows. */
  _key(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (!item || event.target !== item) return;
    const shown = [...this._tree.querySelectorAll('[role="treeitem"]')].filter((each) => each.offsetParent);
    const at = shown.indexOf(item);
    const unfolded = item.getAttribute("aria-expanded");
    const to = { ArrowDown: shown[at + 1], ArrowUp: shown[at - 1], Home: shown[0], End: shown.at(-1) }[event.key];
    if (event.key === "Enter") item.querySelector("a").click();
    else if (event.key === "ArrowRight" && unfolded === "false") this._fold(item, true);
    else if (event.key === "ArrowLeft" && unfolded === "true") this._fold(item, false);
    else if (event.key === "ArrowLeft") this._focus(item.parentElement.closest('[role="treeitem"]') ?? item);
    else if (to) this._focus(to);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  _focus(item) {
    for (const each of this._tree.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
    item.tabIndex = 0;
    item.focus();
  }
}

function branch() {
  return h("li", { role: "treeitem", tabindex: -1 },
    h("div", {}, h("i", { "aria-hidden": "true" }), badge("NOT_RUN"), h("b"), h("small"), h("a", { tabindex: -1 }, "show plots")),
    h("ul", { role: "group", hidden: true }));
}

function leaf() {
  return h("li", { role: "treeitem", tabindex: -1 }, h("a", { tabindex: -1 }, badge("NOT_RUN"), h("b"), h("small")));
}

function countWords({ elements, problems, alarms }) {
  return [plural(elements, "element"), problems ? `▲ ${plural(problems, "problem")}` : "", alarms ? `▲ ${count(alarms)} with alarms` : ""].filter(Boolean).join(" · ");
}

/** Elements as folders in folders, each with what is below it. */
function folderOf(elements, model, alarmed) {
  const root = newFolder("");
  for (const { path, title, workspace } of elements) {
    const outcome = model.verdict(workspace, path)?.[0] ?? "NOT_RUN";
    const names = path.split("/").slice(0, -1);
    const line = [root];
    for (const name of names) {
      const { folders, path: above } = line.at(-1);
      if (!folders.has(name)) folders.set(name, newFolder(above ? `${above}/${name}` : name));
      line.push(folders.get(name));
    }
    for (const folder of line) {
      folder.elements += 1;
      folder.problems += isProblem(outcome) ? 1 : 0;
      folder.alarms += alarmed.has(path) ? 1 : 0;
      folder.worst = worst([folder.worst, outcome]);
    }
    line.at(-1).leaves.push({ path, title, outcome, alarmed: alarmed.has(path) });
  }
  return root;
}

const newFolder = (path) => ({ path, folders: new Map(), leaves: [], elements: 0, problems: 0, alarms: 0, worst: "NOT_RUN" });
