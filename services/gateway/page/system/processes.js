/** Each service of each process: state, rate, lag, memory, and the last warnings of its log. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { age, clock, count, number, plural } from "../format.js";
import { size } from "./tables.js";

/** What a service counts that says how busy it is, the first that it has; by its word. */
const BUSY = [["events", "events/s"], ["records", "records/s"], ["published", "published/s"], ["turns", "turns/s"]];
const COLUMNS = ["Service", "Process", "State", "Rate", "Lag", "Memory", "Run and LS", "Last sign"];

export class Processes {
  constructor() {
    this._body = h("div", { role: "rowgroup" });
    const head = h("div", { role: "row", class: "head" }, COLUMNS.map((name) => h("span", { role: "columnheader" }, name)));
    this._note = h("p");
    this.root = h("section", { class: "processes" }, h("h2", {}, "Processes"), this._note,
      h("div", { role: "table", "aria-label": "Processes" }, head, this._body));
    this._before = new Map();
    this._rates = new Map();
  }

  draw(services) {
    const rows = new Map(services.map((row) => [`${row.process}/${row.service}`, row]));
    const processes = new Map(services.map(({ process, memory }) => [process, memory]));
    const whole = [...processes.values()].reduce((sum, bytes) => sum + bytes, 0);
    setText(this._note, services.length ? `${plural(services.length, "service")} in ${processes.size === 1 ? "1 process" : `${processes.size} processes`}, ${size(whole)} resident. Services of one process share its memory.` : "No service has been heard of.");
    for (const [name, row] of rows) this._count(name, row);
    keyed(this._body, rows.keys(), make, (group, name) => this._draw(group, name, rows.get(name)));
  }

  /** Rates are of what was counted between two heartbeats. */
  _count(name, { counts, age: seconds }) {
    const busy = BUSY.find(([each]) => each in counts);
    if (!busy) return;
    const at = performance.now() / 1000 - seconds;
    const before = this._before.get(name);
    if (before && at - before.at < 0.5) return;
    const value = counts[busy[0]];
    if (before && value >= before.value) this._rates.set(name, `${number((value - before.value) / (at - before.at), 3)} ${busy[1]}`);
    this._before.set(name, { at, value });
  }

  _draw(group, name, row) {
    const [line, more] = group.children;
    setAttributes(line, { "data-state": row.state });
    const words = [
      row.service, row.process, row.state, row.state === "stale" ? "–" : this._rates.get(name) ?? "–",
      row.lag === null ? "–" : count(row.lag), row.memory ? size(row.memory) : "–",
      row.run === null ? "–" : [row.run, row.lumisection].filter((each) => each !== null).join(" · LS "), `${age(row.age)} ago`,
    ];
    words.forEach((text, i) => setText(line.children[i].lastElementChild, text));
    this._drawMore(more, row);
  }

  _drawMore(more, { lines, waits_for: waits, counts }) {
    const [heading, list, waiting, counted] = more.children;
    setText(heading, lines.length ? `Last ${lines.length === 1 ? "warning" : `${lines.length} warnings`} of its log, the newest at ${clock(lines.at(-1).when)}` : "More");
    setAttributes(more, { "data-warned": lines.length > 0 });
    const byKey = new Map(lines.map((line, i) => [`${line.when} ${i}`, line]));
    keyed(list, byKey.keys(), () => h("li", {}, h("time"), h("b"), h("span")), (item, key) => {
      const { when, level, text } = byKey.get(key);
      setText(item.children[0], clock(when));
      setText(item.children[1], level);
      setText(item.children[2], text);
    });
    show(waiting, waits.length > 0);
    setText(waiting, `Waits for ${waits.join(", ")}`);
    setText(counted, Object.entries(counts).map(([what, n]) => `${what.replaceAll("_", " ")} ${count(n)}`).join(" · "));
  }
}

function make() {
  const cells = COLUMNS.map((name) => h("span", { role: "cell", "data-label": name }, name === "State" ? h("i", { "aria-hidden": "true" }) : null, h("span")));
  return h("div", { class: "process" }, h("div", { role: "row", class: "line" }, cells),
    h("details", {}, h("summary"), h("ol"), h("p"), h("p", { class: "counts" })));
}
