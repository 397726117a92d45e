/** Quality reports of the element that is shown large. */

import { Refusal, ask, runWord } from "./api.js";
import { h, setText, settled } from "./dom.js";
import { number, plural } from "./format.js";
import { badge, isProblem, rank } from "./outcomes.js";

const SHOWN_CHANNELS = 12;
/** Milliseconds until reports are asked for again of which no answer came. */
const AGAIN = 3_000;

/** Events: `reports`, when others have come. */
export class Reports extends EventTarget {
  constructor(root, { model, router }) {
    super();
    Object.assign(this, { _root: root, _model: model, _router: router });
    this._reports = [];
    this._key = this._of = "";
    this._read = settled((...which) => this._fetch(...which), 60);
    model.addEventListener("change", ({ detail }) => {
      if (detail.what === "quality" || detail.what === "elements") this.follow();
    });
  }

  /** Channels to mark on the plot: of tests that found a problem. */
  marks() {
    return this._reports.filter(({ outcome }) => isProblem(outcome)).flatMap((report) => report.bad_channels);
  }

  /** Ask for the reports of the element in the address, if others may have come. */
  follow() {
    const { path, run } = this._router.route;
    const workspace = this._model.elements.find((element) => element.path === path)?.workspace;
    const row = this._model.boards.quality.rows[workspace];
    const { chosen, moment } = this._model;
    const of = JSON.stringify([path, run, this._model.run?.run]);
    const key = JSON.stringify([of, workspace, chosen, moment, row?.lumisection?.made, row?.run?.made]);
    if (key === this._key) return;
    // Those of another element or run are none of this one.
    if (of !== this._of) this._take([], "");
    Object.assign(this, { _of: of, _key: key });
    if (path && workspace) this._read(path, workspace, chosen ?? row?.lumisection?.lumisection ?? null);
  }

  async _fetch(path, workspace, lumisection) {
    const key = this._key;
    if (lumisection === null) {
      this._take([]);
      return;
    }
    const query = { workspace, path, lumisections: lumisection, limit: 1000, made_by: this._model.moment };
    try {
      const { reports } = await ask(`runs/${runWord(this._router.route.run)}/reports`, query);
      if (key === this._key) this._take(reports);
    } catch (error) {
      if (key !== this._key) return;
      if (error instanceof Refusal) this._take([], `Its quality reports cannot be had: ${error.message}`);
      // Without an answer the last ones stay, and nobody says that there are none.
      else setTimeout(() => key === this._key && this._fetch(path, workspace, lumisection), AGAIN);
    }
  }

  _take(reports, none = "No quality report of this element yet, or no test is set on it.") {
    this._reports = reports.sort((a, b) => rank(b.outcome) - rank(a.outcome));
    if (reports.length) this._root.replaceChildren(...this._reports.map(reportCard));
    else this._root.replaceChildren(h("p", { class: "none" }, none));
    this.dispatchEvent(new CustomEvent("reports"));
  }
}

/** What a report is of: an LS, the run so far, or a window of LSs. */
function span({ scope, lumisection, first_lumisection: first, closed }) {
  if (scope === "run") return `run up to LS ${lumisection}`;
  const open = closed === false ? ", still open" : "";
  if (scope === "lumisection" || !first || first === lumisection) return `LS ${lumisection}${open}`;
  return `LS ${first} to ${lumisection}${scope.startsWith("change") ? ", since a change" : ""}`;
}

/** A report: outcome, what was found, and against which limit. */
export function reportCard(report) {
  const where = span(report);
  // What is good is folded up: the page has room for what is not.
  const card = h("details", { class: "report", open: report.outcome !== "GOOD" },
    h("summary", {}, badge(report.outcome), h("b", {}, report.qtname), h("small", {}, where)),
    h("p", {}, report.message || "The test gives no message."),
    h("p", { class: "limits" },
      `${report.algorithm} · measured ${number(report.measured, 7)} · limit ${report.limit || "none"}`,
      report.complete ? "" : " · LS not complete when judged"),
  );
  card.dataset.outcome = report.outcome;
  if (report.bad_count) card.append(channels(report));
  return card;
}

function channels({ bad_channels: found, bad_count: all }) {
  const rows = found.slice(0, SHOWN_CHANNELS).map(({ bins, content, label }) => (
    h("tr", {}, h("td", {}, label || `bin ${bins.join(", ")}`), h("td", {}, number(content)))
  ));
  const table = h("table", {}, h("caption"), h("tbody", {}, rows));
  const more = all > rows.length ? `, ${rows.length} shown` : "";
  setText(table.firstElementChild, `${plural(all, "bad channel")}${more}`);
  return table;
}
