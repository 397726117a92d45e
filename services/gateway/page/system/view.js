/** The system view: each process, what it waits for and complains of, dead letters, and memory. */

import { ask } from "../api.js";
import { deploymentsTable } from "../deployments/table.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { age, count, lumisectionWord, plural } from "../format.js";
import { Processes } from "./processes.js";
import { size, table } from "./tables.js";

const EVERY = 2000;

/** Open the view in `root`; see `views.js`. */
export function open(root, parts) {
  const view = new System(root, parts);
  return { follow: () => view.watch(true), leave: () => view.watch(false) };
}

class System {
  constructor(root, { stream, router }) {
    this._stream = stream;
    this._router = router;
    this._timer = 0;
    this._problem = h("p", { role: "alert", class: "problems", hidden: true });
    this._problems = h("ul", { class: "problems", "aria-label": "What somebody should look at" });
    this._well = h("p", { class: "well" });
    this._processes = new Processes();
    this._open = table("Open lumisections", ["Run", "LS", "Open for", "Partitions", "Waits for"]);
    this._missing = h("p");
    this._dead = table("Dead letters", ["Topic", "Records", "Newest", "Where it came from", "Reason"]);
    this._topics = table("Topics of the log", ["Topic", "Partitions", "Records", "Newest"]);
    this._deployments = deploymentsTable(router);
    this._memory = table("Contents the gateway keeps, by workspace", ["Workspace", "Held", "Of the gateway's cache", "LSs", "Largest plots"]);
    root.append(
      h("header", {}, h("h1", {}, "System"), this._well), this._problem, this._problems, this._processes.root,
      this._open.root, section("Missing producers", this._missing), this._dead.root, this._deployments.root, this._memory.root, this._topics.root,
    );
    stream.addEventListener("link", ({ detail }) => detail.state === "live" && this._timer && this._fetch());
  }

  /** Ask every two seconds as long as somebody looks: processes say no more often how they are. */
  watch(on) {
    if (on && !this._timer) {
      this._timer = setInterval(() => document.hidden || this._fetch(), EVERY);
      this._fetch();
    } else if (!on) {
      clearInterval(this._timer);
      this._timer = 0;
    }
  }

  async _fetch() {
    if (this._asking || this._stream.link === "lost") return;
    this._asking = true;
    try {
      const [status, memory, deployments] = await Promise.all([ask("status"), ask("memory", { largest: 5 }), ask("deployments").catch(() => null)]);
      show(this._problem, false);
      this._draw(status, memory);
      show(this._deployments.root, deployments !== null);
      if (deployments) this._deployments.draw(deployments, status.now);
    } catch (error) {
      setText(this._problem, `The status cannot be had: ${error.message}. What stands below is how it was last.`);
      show(this._problem, true);
    } finally {
      this._asking = false;
    }
  }

  _draw(status, memory) {
    const { problems, services, missing } = status;
    setText(this._well, problems.length ? plural(problems.length, "problem") : `${plural(services.length, "service")}, no problems`);
    keyed(this._problems, problems, (words) => h("li", {}, words), () => {});
    show(this._problems, problems.length > 0);
    this._processes.draw(services);
    this._drawOpen(status);
    setText(this._missing, missing.length ? missing.join(", ") : "None: every source has spoken since it was last missed.");
    setAttributes(this._missing, { "data-bad": missing.length > 0 });
    this._drawDead(status);
    this._drawMemory(memory);
    const topics = status.topics.filter(({ records }) => records);
    this._topics.draw(topics, ({ name }) => name, (row) => [row.name, count(row.partitions), count(row.records), row.age === null ? "–" : `${age(row.age)} ago`]);
  }

  _drawOpen({ open: rows, missing }) {
    this._open.draw(rows, (row) => `${row.run} ${row.lumisection} ${row.segment}`, (row) => [
      String(row.run),
      row.segment ? `${lumisectionWord(row.lumisection)}, late part ${row.segment}` : lumisectionWord(row.lumisection),
      age(row.age),
      row.partitions.join(", "),
      row.awaiting.map((name) => (missing.includes(name) ? `${name} (missing)` : name)).join(", ") || "nobody",
    ], "None is open.");
  }

  _drawDead({ dead, now }) {
    this._dead.draw(dead, ({ topic }) => topic, (row) => [
      row.topic, count(row.records), row.when ? `${age((now - row.when) / 1e9)} ago` : "–",
      `partition ${row.partition}, offset ${row.offset}`, `${row.reason}: ${row.detail}`,
    ], "None: every record could be used.");
    setAttributes(this._dead.root, { "data-bad": dead.length > 0 });
  }

  _drawMemory({ budget, held, workspaces }) {
    this._memory.title(`Contents the gateway keeps, by workspace: ${size(held)} of the ${size(budget)} of its cache`);
    this._memory.draw(workspaces, ({ workspace }) => workspace, (row) => [
      row.workspace, size(row.bytes), `${((100 * row.bytes) / budget).toFixed(1)}\u202f%`, count(row.lumisections),
      row.elements.map(({ path, bytes }) => `${path} ${size(bytes)}`).join(" · "),
    ], "No contents are held.");
  }
}

function section(title, ...children) {
  return h("section", {}, h("h2", {}, title), ...children);
}
