/** An address with a path that the run does not book: that is said, and where one may have wanted to go. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { kindOf } from "../find/match.js";

const SHOWN = 5;

/** Pairs of letters that stand beside each other in a path, with how often. */
function pairsOf(path) {
  const text = ` ${path.toLowerCase()} `;
  const found = new Map();
  for (let at = 1; at < text.length; at += 1) {
    const pair = text.slice(at - 1, at + 1);
    found.set(pair, (found.get(pair) ?? 0) + 1);
  }
  return found;
}

/** How alike two paths are, from 0 to 1: twice the pairs of letters that both have, of all (L. R. Dice, 1945). */
function alike(wanted, path) {
  const theirs = pairsOf(path);
  let both = 0;
  for (const [pair, many] of wanted) both += Math.min(many, theirs.get(pair) ?? 0);
  const sum = (pairs) => [...pairs.values()].reduce((a, b) => a + b, 0);
  return (2 * both) / (sum(wanted) + sum(theirs));
}

/** The paths that are most like one that is not there, the nearest first; none that has little of it. */
export function nearest(path, paths, most = SHOWN) {
  const wanted = pairsOf(path);
  const scored = paths.map((each) => [alike(wanted, each), each]).filter(([score]) => score > 0.4);
  return scored.sort(([a, x], [b, y]) => b - a || x.localeCompare(y)).slice(0, most).map(([, each]) => each);
}

/** The longest folder of a path that has elements; empty if not even its first has. */
export function folderOf(path, paths) {
  const parts = path.split("/").slice(0, -1);
  for (; parts.length; parts.pop()) {
    const folder = `${parts.join("/")}/`;
    if (paths.some((each) => each.startsWith(folder))) return parts.join("/");
  }
  return "";
}

export class Unbooked {
  /** Built into `root`, a section. */
  constructor(root, { model, router }) {
    Object.assign(this, { _root: root, _model: model, _router: router, _key: "" });
    this._title = h("h3", { role: "alert" });
    this._words = h("p");
    this._list = h("ul");
    this._search = h("a");
    root.append(this._title, this._words, this._list, h("p", {}, this._search));
  }

  /** Whether the run is known not to book a path; then it is said. */
  draw(path, plot) {
    const { elements, run } = this._model;
    const isUnbooked = elements.length > 0 && !plot?.header.element && !elements.some((element) => element.path === path);
    show(this._root, isUnbooked);
    if (!isUnbooked) return false;
    const key = JSON.stringify([path, elements.length, run?.run]);
    if (key === this._key) return true;
    this._key = key;
    const paths = elements.map((element) => element.path);
    const near = nearest(path, paths);
    setText(this._title, `Run ${run?.run ?? ""} books no element of this path`.replace("  ", " "));
    setText(this._words, near.length ? "The nearest names that it books:" : "It books nothing with a name like that.");
    keyed(this._list, near, () => h("li", {}, h("a")), (item, each) => {
      setText(item.firstElementChild, each);
      setAttributes(item.firstElementChild, { href: this._router.link({ path: each }) });
    });
    const folder = folderOf(path, paths);
    // A folder whose name means something to the search is looked for in the tree.
    const inFolder = folder && kindOf(folder).kind === "fuzzy";
    setText(this._search, inFolder ? `All elements of ${folder}` : "Look for it in the tree of all elements");
    setAttributes(this._search, { href: this._router.link(inFolder ? { path: "", workspace: "", match: `${folder}/**` } : { path: "", view: "find" }) });
    return true;
  }
}
