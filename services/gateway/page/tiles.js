/** The overview's tiles: how each workspace stands, since when, and how it stood in the last LSs. */

import { sheet } from "./canvas.js";
import { byId, h, keyed, setAttributes, setText, show } from "./dom.js";
import { count } from "./format.js";
import { badge, HEIGHTS, isProblem, OUTCOMES, rank, setBadge } from "./outcomes.js";
import { changeWords, goodFraction, percent } from "./overview/changes.js";

const LUMISECTIONS = 60;

export class Tiles {
  constructor(model, router, summaries) {
    this._model = model;
    this._router = router;
    this._summaries = summaries;
  }

  draw() {
    const { rows } = this._model.boards.quality;
    const names = worstFirst(this._model);
    keyed(byId("tiles"), names, () => tile(), (card, name) => this._draw(card, rows[name]));
  }

  _draw(card, row) {
    const name = row.workspace;
    const [outcome, judged, notJudged] = this._model.standing(name) ?? ["NOT_RUN", 0, 0];
    // Summaries and boards are of now: of the past there are the outcomes alone.
    const isNow = this._model.moment === null;
    const summary = isNow ? this._summaries.of(name) : null;
    setAttributes(card, {
      href: this._router.link({ workspace: name, path: "", match: "", only: "" }),
      "data-outcome": outcome, title: row.description,
    });
    const [head, good, numbers, change, bars, map, list] = card.children;
    setBadge(head.firstElementChild, outcome);
    setText(head.children[1], name);
    setText(head.lastElementChild, outcome === "NOT_RUN" ? "NOT JUDGED" : outcome);
    const fraction = summary?.fraction ?? (isNow && this._model.chosen === null ? goodFraction(row.lumisection?.counts) : null);
    setText(good.firstElementChild, percent(fraction));
    setText(good.lastElementChild, fraction !== null ? "good" : isNow ? "nothing judged" : "not known of the past");
    setText(numbers, row.filled ? `${count(judged)} judged · ${count(notJudged)} not judged · ${count(row.elements)} elements` : "nothing came yet");
    setText(change, row.filled ? this._changeWords(row, outcome) : "");
    drawBars(bars, this._model.lumisections.slice(-LUMISECTIONS), name);
    drawMap(map, isNow ? this._summaries.map(name) : {});
    keyed(list, this._problemWords(name), (word) => h("li", {}, word), () => {});
  }

  /** Since when the LSs are so. */
  _changeWords(row, outcome) {
    return [changeWords(this._model.lumisections, row.workspace, this._model.chosen), runWords(this._model, row, outcome)].filter(Boolean).join(" · ");
  }

  _problemWords(name) {
    const problems = this._model.pathsWith(name, isProblem);
    const words = problems.slice(0, 3).map((path) => path.split("/").slice(1).join("/") || path);
    if (problems.length > 3) words.push(`and ${problems.length - 3} more`);
    return words;
  }
}

/** What is worse of the run so far than of its newest LS, in words; of the past, and of one LS, nothing. */
export function runWords(model, row, outcome) {
  const run = row?.run?.worst;
  const isNow = model.moment === null && model.chosen === null;
  return isNow && run && isProblem(run) && run === outcome && row.lumisection?.worst !== run ? `run so far ${run}` : "";
}

/** Names of workspaces, the worst first; those of which nothing is known last. */
export function worstFirst(model) {
  const rankOf = (name) => {
    const standing = model.standing(name);
    return standing ? rank(standing[0]) : -1;
  };
  return Object.keys(model.boards.quality.rows).sort((a, b) => rankOf(b) - rankOf(a) || a.localeCompare(b));
}

function tile() {
  return h("a", { class: "tile" },
    h("header", {}, badge("NOT_RUN"), h("h3"), h("b")),
    h("p", { class: "good" }, h("strong"), h("span")),
    h("p"),
    h("p", { class: "change" }),
    h("canvas", { "aria-hidden": "true" }),
    h("div", { class: "map", role: "img" }),
    h("ul"));
}

/** CMS's reportSummaryMap: a cell for each folder, filled as far as it is good. */
function drawMap(root, map) {
  const names = Object.keys(map);
  show(root, names.length > 1);
  const words = names.map((name) => `${name} ${percent(map[name])}`);
  setAttributes(root, { "aria-label": `Good by folder: ${words.join(", ")}` });
  keyed(root, names, (name) => h("i", {}, h("b")), (cell, name) => {
    const fraction = map[name];
    setAttributes(cell, { title: `${name}: ${percent(fraction)} good`, "data-grade": gradeOf(fraction) });
    cell.firstElementChild.style.height = `${fraction === null ? 0 : Math.max(6, fraction * 100)}%`;
  });
}

function gradeOf(fraction) {
  if (fraction === null) return "none";
  return fraction === 1 ? "all" : "part";
}

function drawBars(canvas, rows, name) {
  const { pen, width, height } = sheet(canvas);
  if (!width) return;
  const step = width / LUMISECTIONS;
  rows.forEach((row, i) => {
    const outcome = row.outcomes[name]?.[0] ?? "NOT_RUN";
    const tall = (HEIGHTS[outcome] ?? 0.15) * height;
    pen.fillStyle = OUTCOMES[outcome]?.colour ?? OUTCOMES.NOT_RUN.colour;
    pen.fillRect(width - (rows.length - i) * step, height - tall, Math.max(1, step - 1.5), tall);
  });
}
