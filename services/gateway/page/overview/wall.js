/** The wall: the overview for a control room, to be read from across it; it shows one problem after the other. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { age, count, number } from "../format.js";
import { badge, isProblem, setBadge } from "../outcomes.js";
import { drawPlot } from "../plot.js";
import { worstFirst } from "../tiles.js";
import { changeWords, goodFraction, percent } from "./changes.js";
import { needing } from "./needing.js";

const TURN = 12_000;
const PLOTS = 2;

/** Whether an address asks for the wall: `?wall=1`, or `wall=1` in the fragment, which outweighs it. */
function isWall(route) {
  if (route.wall) return route.wall !== "0";
  return ["1", "true"].includes(new URLSearchParams(location.search).get("wall"));
}

export class Wall {
  constructor({ model, router, feed, overview }) {
    Object.assign(this, { _model: model, _router: router, _feed: feed, _overview: overview });
    this._on = false;
    this._turn = 0;
    this._shown = "";
    this._parts = build();
    document.body.append(this._parts.root);
    this._parts.leave.addEventListener("click", () => this.leave());
    document.addEventListener("keydown", (event) => {
      if (!this._on || event.key !== "Escape") return;
      event.stopImmediatePropagation();
      this.leave();
    }, { capture: true });
    setInterval(() => this._on && this._next(), TURN);
    setInterval(() => this._on && this.draw(), 1000);
    feed.addEventListener("plot", () => this._on && this._drawPlots());
    overview.alarms.addEventListener("change", () => this._on && this.draw());
  }

  get isOn() {
    return this._on;
  }

  follow(route) {
    const on = isWall(route);
    if (on === this._on) return;
    this._on = on;
    document.body.toggleAttribute("data-wall", on);
    show(this._parts.root, on);
    if (on) this.draw();
    else this._feed.want("wall", []);
  }

  leave() {
    const asked = isWall({ wall: "" });
    this._router.go({ wall: asked ? "0" : "" });
  }

  draw() {
    this._drawHead();
    const names = worstFirst(this._model);
    keyed(this._parts.list, names, line, (item, name) => this._drawLine(item, name));
    const problems = this._problems(names);
    if (!problems.includes(this._shown)) this._shown = problems[0] ?? "";
    this._drawPanel(problems);
  }

  _problems(names) {
    return names.filter((name) => isProblem(this._model.standing(name)?.[0]));
  }

  _next() {
    const problems = this._problems(worstFirst(this._model));
    if (!problems.length) return;
    this._shown = problems[(problems.indexOf(this._shown) + 1) % problems.length];
    this.draw();
  }

  _drawHead() {
    const { run, boards, freshness: fresh } = this._model;
    const { rate, conditions } = boards.run.header;
    const grey = fresh.state === "stale" || fresh.state === "lost";
    const outcomes = worstFirst(this._model).map((name) => this._model.newest(name)?.[0] ?? "NOT_RUN");
    const outcome = grey ? "STALE" : outcomes[0] ?? "NOT_RUN";
    setBadge(this._parts.badge, outcome);
    setText(this._parts.word, outcome === "NOT_RUN" ? "NOT JUDGED" : outcome);
    this._parts.root.dataset.outcome = outcome;
    const facts = new Map([
      ["Run", run ? String(run.run) : "–"],
      ["LS", run?.last_lumisection ? String(run.last_lumisection) : "–"],
      ["Fill", conditions?.fill ? String(conditions.fill) : "–"],
      ["Beams", conditions?.beam_mode || "–"],
      ["Rate", fresh.state === "live" && rate ? `${number(rate, 3)} ev/s` : "–"],
      [grey ? fresh.says : "Data", fresh.seconds === null ? "–" : `${age(fresh.seconds)} ago`],
    ]);
    keyed(this._parts.facts, facts.keys(), (name) => h("div", {}, h("dt", {}, name), h("dd")), (part, name) => {
      setText(part.lastElementChild, facts.get(name));
    });
  }

  _drawLine(item, name) {
    const [outcome, , notJudged] = this._model.standing(name) ?? ["NOT_RUN", 0, 0];
    const row = this._model.boards.quality.rows[name];
    const [mark, label, good, more] = item.children;
    setBadge(mark, outcome);
    setText(label, name);
    setText(good, percent(this._overview.summaries.of(name)?.fraction ?? goodFraction(row?.lumisection?.counts)));
    const words = changeWords(this._model.lumisections, name).replace(/, .*$/, "");
    setText(more, notJudged ? `${words} · ${count(notJudged)} not judged` : words);
    setAttributes(item, { "data-outcome": outcome, "data-shown": name === this._shown });
  }

  _drawPanel(problems) {
    const { title, causes, alarm, plots, none } = this._parts;
    const name = this._shown;
    show(none, !name);
    setText(none, Object.keys(this._model.boards.quality.rows).length ? "Nothing that was judged has a problem" : "Nothing is booked yet");
    setText(title, name ? `${name}  ${problems.indexOf(name) + 1} of ${problems.length}` : "");
    const paths = name ? this._model.pathsWith(name, isProblem) : [];
    setText(causes, paths.length > PLOTS ? `${paths.length} plots have problems` : "");
    const chosen = paths.slice(0, PLOTS);
    keyed(plots, chosen, (path) => h("figure", {}, h("figcaption", {}, path), h("div", {}, h("canvas"))), () => {});
    this._feed.want("wall", chosen);
    this._drawPlots();
    const rows = needing(this._overview.alarms);
    const row = rows.find(({ workspace }) => workspace === name) ?? rows[0];
    show(alarm, Boolean(row));
    if (!row) return;
    setText(alarm.firstElementChild, row.kind === "quality" ? row.qtname : row.alarm);
    setText(alarm.lastElementChild, [row.action, row.contact && `Call ${row.contact}.`].filter(Boolean).join(" "));
    setAttributes(alarm, { "data-level": row.level });
  }

  _drawPlots() {
    for (const figure of this._parts.plots.children) {
      drawPlot(figure.querySelector("canvas"), this._feed.plot(figure.dataset.key), {});
    }
  }
}

function line() {
  return h("li", {}, badge("NOT_RUN"), h("b"), h("strong"), h("span"));
}

function build() {
  const parts = {
    badge: badge("NOT_RUN"), word: h("strong"), facts: h("dl"), list: h("ul"), title: h("h2"), causes: h("p"),
    plots: h("div", { class: "plots" }), alarm: h("aside", {}, h("b"), h("p")), none: h("p", { class: "none" }),
    leave: h("button", { type: "button", title: "Leave the wall (Escape)" }, "Leave the wall"),
  };
  parts.root = h("section", { id: "wall", "aria-label": "Wall", hidden: true },
    h("header", {}, parts.badge, parts.word, parts.facts), parts.list,
    h("article", {}, parts.title, parts.causes, parts.none, parts.plots, parts.alarm), parts.leave);
  return parts;
}
