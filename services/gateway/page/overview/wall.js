/** The wall: the overview for a control room, to be read from across it; it shows one problem after the other. */

import { isHidden, standing, titleOf } from "../alarms/words.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { age, count, number } from "../format.js";
import { badge, isProblem, setBadge } from "../outcomes.js";
import { runWords, worstFirst } from "../tiles.js";
import { changeWords, goodFraction, percent } from "./changes.js";
import { needing, putAside } from "./needing.js";

const TURN = 12_000;
const PLOTS = 2;

/** What is shown in turn with the workspaces, where alarms of others need someone; no name of a workspace. */
const OTHERS = "Other alarms";

/** Whether an address asks for the wall: `?wall=1`, or `wall=1` in the fragment, which outweighs it. */
function isWall(route) {
  if (route.wall) return route.wall !== "0";
  return ["1", "true"].includes(new URLSearchParams(location.search).get("wall"));
}

export class Wall {
  constructor({ model, router, feed, overview, plots }) {
    Object.assign(this, { _model: model, _router: router, _feed: feed, _overview: overview, _plots: plots });
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
    plots.onChange(() => this._on && this._drawPlots());
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
    const turns = this._turns(names);
    if (!turns.includes(this._shown)) this._shown = turns[0] ?? "";
    this._drawPanel(this._problems(names));
  }

  /** What is shown one after the other: workspaces with problems, then alarms that are of none of them. */
  _turns(names) {
    const problems = this._problems(names);
    return this._others(problems).length ? [...problems, OTHERS] : problems;
  }

  _others(problems) {
    return needing(this._overview.alarms).filter(({ workspace }) => !problems.includes(workspace));
  }

  _problems(names) {
    return names.filter((name) => isProblem(this._model.standing(name)?.[0]));
  }

  _next() {
    const turns = this._turns(worstFirst(this._model));
    if (!turns.length) return;
    this._shown = turns[(turns.indexOf(this._shown) + 1) % turns.length];
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
    // What is cut off at the end is what matters least.
    setText(more, [runWords(this._model, row, outcome), words, notJudged && `${count(notJudged)} not judged`].filter(Boolean).join(" · "));
    setAttributes(item, { "data-outcome": outcome, "data-shown": name === this._shown });
  }

  _drawPanel(problems) {
    const { title, causes, plots, none } = this._parts;
    const name = this._shown;
    const isWorkspace = name && name !== OTHERS;
    show(none, !name);
    setText(none, Object.keys(this._model.boards.quality.rows).length ? "Nothing that was judged has a problem" : "Nothing is booked yet");
    setText(title, isWorkspace ? `${name}  ${problems.indexOf(name) + 1} of ${problems.length}` : name);
    const paths = isWorkspace ? this._model.pathsWith(name, isProblem) : [];
    setText(causes, paths.length > PLOTS ? `${paths.length} plots have problems` : "");
    const chosen = paths.slice(0, PLOTS);
    keyed(plots, chosen, figure, () => {});
    this._feed.want("wall", chosen);
    this._drawPlots();
    this._drawAlarm(name, problems);
  }

  /** Never an alarm of another workspace than that whose name stands above: its own, though it was put aside, or none. */
  _drawAlarm(name, problems) {
    const { alarm } = this._parts;
    const board = this._overview.alarms;
    const isOf = ({ workspace }) => workspace === name;
    const row = name === OTHERS ? this._others(problems)[0] : needing(board).find(isOf) ?? putAside(board).find(isOf);
    show(alarm, Boolean(row));
    if (!row) return;
    const aside = isHidden(row);
    const [what, how, todo] = alarm.children;
    setText(what, titleOf(row).filter(Boolean).join(" · "));
    setText(how, aside ? standing(row, board.now) : board.staleness);
    show(how, Boolean(how.textContent));
    setText(todo, aside ? "" : [row.action, row.contact && `Call ${row.contact}.`].filter(Boolean).join(" "));
    setAttributes(alarm, { "data-level": aside ? "ASIDE" : row.level, "data-alarm": row.alarm });
  }

  _drawPlots() {
    for (const part of this._parts.plots.children) {
      const path = part.dataset.key;
      const plot = this._feed.plot(path);
      this._plots.draw(part.querySelector("canvas"), path, plot);
      setText(part.querySelector("small"), this._plots.words(path, plot)[0]);
    }
  }
}

function figure(path) {
  return h("figure", {}, h("figcaption", {}, path, h("small")), h("div", {}, h("canvas", { "aria-hidden": "true" })));
}

function line() {
  return h("li", {}, badge("NOT_RUN"), h("b"), h("strong"), h("span"));
}

function build() {
  const parts = {
    badge: badge("NOT_RUN"), word: h("strong"), facts: h("dl"), list: h("ul"), title: h("h2"), causes: h("p"),
    plots: h("div", { class: "plots" }), alarm: h("aside", {}, h("b"), h("em"), h("p")), none: h("p", { class: "none" }),
    leave: h("button", { type: "button", title: "Leave the wall (Escape)" }, "Leave the wall"),
  };
  parts.root = h("section", { id: "wall", "aria-label": "Wall", hidden: true },
    h("header", {}, parts.badge, parts.word, parts.facts), parts.list,
    h("article", {}, parts.title, parts.causes, parts.none, parts.plots, parts.alarm), parts.leave);
  return parts;
}
