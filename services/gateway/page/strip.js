// The lumisections of a run, one column each: a row for all workspaces and one for each of them.
// Colour, height and, where there is room, a shape say the outcome; marks below say losses.

import { OUTCOMES } from "./outcomes.js";
import { INK } from "./axes.js";

const LABEL = 96;
const ROW = 15;
const FIRST_ROW = 26;
const WIDEST = 22;
const NARROWEST = 4;

export class Strip {
  #rows = [];
  #end = null;
  #columns = [];
  #paths = new Map();

  constructor(canvas, { onChoose, onNote }) {
    this.canvas = canvas;
    this.onChoose = onChoose;
    this.onNote = onNote;
    this.chosen = null;
    this.stale = true;
    canvas.addEventListener("click", (event) => this.#click(event));
    canvas.addEventListener("mousemove", (event) => this.#hover(event));
    canvas.addEventListener("mouseleave", () => this.onNote(""));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  show(board, workspaces) {
    this.#rows = Object.values(board.rows).sort((a, b) => a.lumisection - b.lumisection);
    this.workspaces = workspaces;
    this.draw();
  }

  choose(range) {
    this.chosen = range;
    this.draw();
  }

  page(by) {
    const shown = this.#fit();
    const newest = this.#rows.length;
    const end = (this.#end ?? newest) + by * Math.floor(shown / 2);
    this.#end = end >= newest ? null : Math.max(shown, end);
    this.draw();
  }

  draw() {
    const height = FIRST_ROW + ROW * (this.workspaces?.length ?? 0) + 22;
    this.canvas.style.setProperty("height", `${height}px`);
    const ratio = globalThis.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#labels(context);
    const end = this.#end ?? this.#rows.length;
    const shown = this.#rows.slice(Math.max(0, end - this.#fit()), end);
    const step = Math.min(WIDEST, Math.max(NARROWEST, (width - LABEL - 4) / Math.max(1, shown.length)));
    this.#columns = shown.map((row, i) => ({ row, left: LABEL + i * step, width: step }));
    for (const column of this.#columns) this.#column(context, column, height);
    this.#numbers(context, step, height);
    this.#announce();
  }

  #fit() {
    return Math.max(1, Math.floor((this.canvas.clientWidth - LABEL - 4) / NARROWEST));
  }

  #labels(context) {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.fillStyle = INK.text;
    context.fillText("all", LABEL - 8, FIRST_ROW / 2);
    context.fillStyle = INK.muted;
    this.workspaces?.forEach((name, i) => {
      context.fillText(name.length > 14 ? `${name.slice(0, 13)}…` : name, LABEL - 8, FIRST_ROW + i * ROW + ROW / 2);
    });
  }

  #column(context, { row, left, width }, height) {
    const gap = width > 6 ? 1.5 : 0.5;
    this.#cell(context, row.worst, left, 1, width - gap, FIRST_ROW - 3, !row.closed);
    this.workspaces?.forEach((name, i) => {
      const words = row.outcomes[name];
      this.#cell(context, words?.[0] ?? "NOT_RUN", left, FIRST_ROW + i * ROW, width - gap, ROW - 2, !row.closed);
    });
    if (row.late || row.refused || row.missing.length || !row.whole || (row.closed && !row.complete)) {
      context.fillStyle = INK.over;
      context.fillRect(left, height - 20, Math.max(2, width - gap), 3);
    }
    if (this.chosen && row.lumisection >= this.chosen[0] && row.lumisection <= this.chosen[1]) {
      context.strokeStyle = "#ffffff";
      context.lineWidth = 1.5;
      context.strokeRect(left - 1, 0.75, width - gap + 2, height - 22);
    }
  }

  #cell(context, outcome, left, top, width, height, open) {
    const known = OUTCOMES[this.stale && outcome !== "NOT_RUN" ? "STALE" : outcome] ?? OUTCOMES.NOT_RUN;
    const tall = Math.max(2, height * known.height);
    context.fillStyle = "#1a222d";
    context.fillRect(left, top, width, height);
    context.globalAlpha = open ? 0.45 : 1;
    context.fillStyle = known.colour;
    context.fillRect(left, top + height - tall, width, tall);
    context.globalAlpha = 1;
    if (width >= 12 && height >= 12 && known.height > 0.5) this.#glyph(context, known, left + width / 2, top + height - tall / 2);
  }

  // The same shape as in the legend, dark on the cell's colour.
  #glyph(context, known, x, y) {
    if (!this.#paths.has(known.path)) this.#paths.set(known.path, new Path2D(known.path));
    context.save();
    context.translate(x - 4.5, y - 4.5);
    context.scale(9 / 16, 9 / 16);
    context.fillStyle = "#0d1218";
    context.fill(this.#paths.get(known.path), "evenodd");
    context.restore();
  }

  #numbers(context, step, height) {
    context.fillStyle = INK.muted;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((n) => n * step >= 38) ?? 1000;
    for (const { row, left, width } of this.#columns) {
      if (row.lumisection % every === 0 || this.#columns.length === 1) context.fillText(String(row.lumisection), left + width / 2, height - 2);
    }
  }

  #under(event) {
    const x = event.offsetX;
    return this.#columns.find(({ left, width }) => x >= left && x < left + width)?.row;
  }

  #click(event) {
    const row = this.#under(event);
    if (!row) return;
    const [first] = this.chosen ?? [row.lumisection];
    if (event.shiftKey) this.onChoose(Math.min(first, row.lumisection), Math.max(first, row.lumisection));
    else this.onChoose(row.lumisection, row.lumisection);
  }

  #hover(event) {
    const row = this.#under(event);
    this.onNote(row ? describe(row) : "");
  }

  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !this.#rows.length) return;
    event.preventDefault();
    const numbers = this.#rows.map((row) => row.lumisection);
    const at = this.chosen ? numbers.indexOf(this.chosen[1]) + by : numbers.length - 1;
    const number = numbers[Math.min(Math.max(at, 0), numbers.length - 1)];
    this.onChoose(number, number);
  }

  #announce() {
    const last = this.#rows.at(-1)?.lumisection ?? 1;
    this.canvas.setAttribute("aria-valuemax", last);
    const chosen = this.chosen?.[1] ?? last;
    const row = this.#rows.find((each) => each.lumisection === chosen);
    this.canvas.setAttribute("aria-valuenow", chosen);
    this.canvas.setAttribute("aria-valuetext", row ? describe(row) : "no lumisections");
  }
}

export function describe(row) {
  const parts = [`LS ${row.lumisection}`, row.closed ? "closed" : "open", OUTCOMES[row.worst]?.word ?? row.worst];
  parts.push(`${row.seen.toLocaleString("en")} events`);
  if (row.dropped) parts.push(`${row.dropped} dropped`);
  if (row.late) parts.push(`${row.late} late`);
  if (row.refused) parts.push(`${row.refused} chunks refused`);
  if (row.missing.length) parts.push(`missing: ${row.missing.join(", ")}`);
  if (row.closed && !row.complete && row.lacking.length) parts.push(`incomplete: ${row.lacking.join("; ")}`);
  if (!row.whole) parts.push("input had expired");
  return parts.join(" · ");
}
