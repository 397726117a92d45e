/** What of the run differs between production and each candidate that runs beside: counts, and links to the worst, side by side. */

import { ask, runWord } from "../api.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { count, lumisections, plural } from "../format.js";
import { nameOfPaths } from "../layouts/differing.js";
import { candidateWord } from "../layouts/source.js";

/** Milliseconds between two comparisons: all elements are read for one. */
const EVERY = 30_000;
const WORST = 8;
const SAME = "same";

/** Words for the table, and a list of links below it. */
export class Compared {
  constructor(router) {
    this._router = router;
    this._found = new Map();
    this._asked = new Map();
    this.root = h("div", { class: "compared" });
  }

  /** In how many elements a candidate is the same; why that is not known. */
  words(name) {
    const { answer, problem } = this._found.get(name) ?? {};
    if (problem) return problem;
    if (!answer) return "being compared …";
    if (!answer.lumisections) return `run ${answer.run}: no LS is closed in both yet`;
    const counts = Object.entries(answer.counts).map(([says, many]) => `${count(many)} ${says}`);
    return `run ${answer.run}, ${rangeWords(answer)}: ${counts.join(", ") || "no elements"}`;
  }

  /** These run beside: compare them now and then, and draw what is known. */
  draw(names) {
    for (const held of [this._found, this._asked]) for (const name of held.keys()) if (!names.includes(name)) held.delete(name);
    for (const name of names) this._look(name);
    const shown = names.filter((name) => this._apart(name).length > 0);
    keyed(this.root, shown, () => h("section", {}, h("h2", {}), h("ul", {})), (part, name) => {
      const apart = this._apart(name);
      const { answer } = this._found.get(name);
      setText(part.firstElementChild, `What differs in candidate ${name}`);
      const all = apart.length > 1 ? [["", `The first ${apart.length} together`, apart.map(({ path }) => path)]] : [];
      const links = new Map([...apart.map(({ path, says, cells }) => [path, path, [path], `${says}${cells ? ` in ${plural(cells, "cell")}` : ""}`]), ...all].map((one) => [one[0], one]));
      keyed(part.lastElementChild, links.keys(), () => h("li", {}, h("a"), h("small")), (item, key) => {
        const [, words, paths, says = ""] = links.get(key);
        setText(item.firstElementChild, words);
        setText(item.lastElementChild, says && ` ${says}`);
        setAttributes(item.firstElementChild, {
          href: this._router.link({ view: "", layout: nameOfPaths(paths), with: candidateWord(name), run: answer.run, window: answer.lumisections }),
          title: `Side by side with candidate ${name}`,
        });
      });
    });
    show(this.root, shown.length > 0);
  }

  _apart(name) {
    return (this._found.get(name)?.answer?.elements ?? []).filter(({ says }) => !says.startsWith(SAME));
  }

  async _look(name) {
    const run = runWord(this._router.route.run);
    const last = this._asked.get(name);
    if (last && last.run === run && Date.now() - last.when < EVERY) return;
    const asking = { run, when: Date.now() };
    this._asked.set(name, asking);
    // Of another run nothing is known yet.
    if (last && last.run !== run) this._found.delete(name);
    const found = await ask(`deployments/${encodeURIComponent(name)}/compare`, { run, limit: WORST }).then((answer) => ({ answer }), ({ message }) => ({ problem: message }));
    // Comparing takes long: meanwhile another run may be asked of.
    if (this._asked.get(name) === asking) this._found.set(name, found);
  }
}

function rangeWords({ lumisections: word }) {
  const [first, last] = word.split("-").map(Number);
  return lumisections({ first, last, lumisections: last - first + 1 });
}
