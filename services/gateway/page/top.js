/** The head of the page: are the data good, how new are they, is the connection alive. */

import { briefly } from "./conditions.js";
import { byId, h, setText, show } from "./dom.js";
import { age, count, number, plural, timeOf } from "./format.js";
import { drawMarks } from "./marks.js";
import { badge, isProblem, rank, setBadge, worst } from "./outcomes.js";

const LINKS = {
  live: "live", ended: "run ended", waiting: "waiting", stale: "stale", lost: "connection lost",
};

export class Top {
  constructor(model) {
    this._model = model;
    this._badge = badge("NOT_RUN");
    this._word = h("strong");
    this._more = h("span");
    byId("verdict").append(this._badge, h("div", {}, this._word, this._more));
    model.addEventListener("change", () => this.draw());
    // Nothing has to arrive for the page to turn grey: it looks at its own clock.
    setInterval(() => this.draw(), 500);
    this.draw();
  }

  draw() {
    const { freshness: fresh, run, boards } = this._model;
    document.body.dataset.fresh = fresh.state;
    const link = byId("link");
    const { moment } = this._model;
    link.title = moment === null ? fresh.says : `What was known then is shown. Now: ${LINKS[fresh.state]}.`;
    setText(link.lastElementChild, fresh.state === "stale" ? fresh.says : moment === null ? LINKS[fresh.state] : "the past");
    setText(byId("fact-run"), run ? String(run.run) : "–");
    drawMarks(byId("fact-marks"), run?.marks ?? []);
    this._drawFacts(moment === null ? factsOf(this._model) : pastFactsOf(this._model));
    const conditions = moment === null ? boards.run.header.conditions : this._model.lumisections.at(-1)?.conditions;
    show(byId("conditions"), Boolean(conditions));
    if (conditions) setText(byId("fact-conditions"), briefly(conditions).join(" · ") || "–");
    this._drawVerdict(fresh);
  }

  /** Figures, and in the words above each that they are of a moment of the past. */
  _drawFacts(figures) {
    for (const [name, [title, value]] of Object.entries(figures)) {
      const place = byId(`fact-${name}`);
      setText(place, value);
      setText(place.parentElement.querySelector("dt"), title);
    }
  }

  _drawVerdict(fresh) {
    const [outcome, problems, notJudged] = this._overall();
    const grey = fresh.state === "stale" || fresh.state === "lost";
    setBadge(this._badge, grey ? "STALE" : outcome);
    byId("verdict").dataset.outcome = grey ? "STALE" : outcome;
    setText(this._word, grey ? "STALE" : outcome === "NOT_RUN" ? "NOT JUDGED" : outcome);
    const words = [];
    if (grey) words.push(`was ${outcome}`);
    else if (problems) words.push(`${plural(problems, "element")}`);
    else if (outcome === "GOOD") words.push("all that was judged");
    if (notJudged) words.push(`${count(notJudged)} not judged`);
    setText(this._more, words.join(" · "));
    const { run } = this._model;
    const title = `${grey ? "STALE" : outcome === "NOT_RUN" ? "–" : outcome} · run ${run?.run ?? "–"} · dqmstream`;
    // It is looked at twice a second: the browser is told only of another one.
    if (document.title !== title) document.title = title;
  }

  /** Worst outcome, elements with it, and tests that judged nothing: newest LS and run, together. */
  _overall() {
    const { boards } = this._model;
    const names = Object.keys(boards.quality.rows).filter((name) => boards.quality.rows[name].filled);
    const standings = names.map((name) => this._model.newest(name)).filter(Boolean);
    const outcome = worst(standings.map(([each]) => each));
    const paths = new Set();
    // Of the past only the outcomes of workspaces are at hand here.
    for (const name of this._model.moment === null ? names : []) {
      for (const newest of [boards.quality.rows[name].lumisection, boards.quality.rows[name].run]) {
        for (const [path, [each]] of Object.entries(newest?.elements ?? {})) {
          if (isProblem(each) && rank(each) >= rank(outcome)) paths.add(path);
        }
      }
    }
    return [outcome, paths.size, standings.reduce((sum, [, , none]) => sum + none, 0)];
  }
}

function factsOf({ run, boards, freshness: fresh }) {
  const { rate } = boards.run.header;
  const moving = fresh.state === "live" && rate !== null && rate !== undefined;
  return {
    lumisection: ["LS", run?.last_lumisection ? String(run.last_lumisection) : run?.first_lumisection === 0 ? "whole run" : "–"],
    events: ["Events", run ? count(run.events) : "–"],
    rate: ["Rate", moving ? `${number(rate, 3)} ev/s` : "–"],
    age: ["Data age", age(fresh.seconds)],
  };
}

/** As of a moment: the newest LS that had begun; how many events had come by then is not kept. */
function pastFactsOf({ moment, lumisections: rows }) {
  return {
    lumisection: ["LS then", rows.length ? String(rows.at(-1).lumisection) : "none yet"],
    events: ["Events then", "not kept"],
    rate: ["Rate then", "not kept"],
    age: ["As known at", timeOf(moment)],
  };
}
