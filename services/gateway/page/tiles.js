/** The overview's tiles: how each workspace stands, and how it stood in the last LSs. */

import { byId, h, keyed, setAttributes, setText } from "./dom.js";
import { count } from "./format.js";
import { badge, isProblem, OUTCOMES, rank, setBadge } from "./outcomes.js";

const LUMISECTIONS = 60;

/** Heights of the small bars: what is worse stands higher, so that no one needs the colour. */
const HEIGHTS = { BAD: 1, ERROR: 0.85, INVALID: 0.85, WARNING: 0.7, GOOD: 0.4 };

export class Tiles {
  constructor(model, router) {
    this._model = model;
    this._router = router;
  }

  draw() {
    const { rows } = this._model.boards.quality;
    const names = Object.keys(rows).sort((a, b) => this._rank(b) - this._rank(a) || a.localeCompare(b));
    keyed(byId("tiles"), names, () => tile(), (card, name) => this._draw(card, rows[name]));
  }

  _rank(name) {
    const standing = this._model.standing(name);
    return standing ? rank(standing[0]) : -1;
  }

  _draw(card, row) {
    const name = row.workspace;
    const [outcome, judged, notJudged] = this._model.standing(name) ?? ["NOT_RUN", 0, 0];
    setAttributes(card, {
      href: this._router.link({ workspace: name, path: "", match: "", only: "" }),
      "data-outcome": outcome, title: row.description,
    });
    const [head, numbers, bars, list] = card.children;
    setBadge(head.firstElementChild, outcome);
    setText(head.children[1], name);
    setText(head.lastElementChild, outcome === "NOT_RUN" ? "NOT JUDGED" : outcome);
    setText(numbers, row.filled ? `${count(judged)} judged · ${count(notJudged)} not judged · ${count(row.elements)} elements` : "nothing came yet");
    drawBars(bars, this._model.lumisections.slice(-LUMISECTIONS), name);
    const problems = this._model.pathsWith(name, isProblem);
    const words = problems.slice(0, 3).map((path) => path.split("/").slice(1).join("/") || path);
    if (problems.length > 3) words.push(`and ${problems.length - 3} more`);
    keyed(list, words, (word) => h("li", {}, word), () => {});
  }
}

function tile() {
  return h("a", { class: "tile" },
    h("header", {}, badge("NOT_RUN"), h("h3"), h("b")), h("p"), h("canvas", { "aria-hidden": "true" }), h("ul"));
}

function drawBars(canvas, rows, name) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const step = width / LUMISECTIONS;
  rows.forEach((row, i) => {
    const outcome = row.outcomes[name]?.[0] ?? "NOT_RUN";
    const tall = (HEIGHTS[outcome] ?? 0.15) * height;
    pen.fillStyle = OUTCOMES[outcome]?.colour ?? OUTCOMES.NOT_RUN.colour;
    pen.fillRect(width - (rows.length - i) * step, height - tall, Math.max(1, step - 1.5), tall);
  });
}
