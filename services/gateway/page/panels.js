// What stands around the plots: the header, workspaces, runs, accounting, processes.

import { badge, worst } from "./outcomes.js";
import { age, element, short, whole } from "./words.js";

const find = (id) => document.getElementById(id);

export function showNow(board, strip, following) {
  const { run, rate, conditions, problem } = board.header;
  find("now-run").textContent = run?.run ?? "–";
  find("now-lumisection").textContent = run?.last_lumisection ?? "–";
  find("now-rate").textContent = rate === null || rate === undefined || !following ? "–" : `${short(rate)} Hz`;
  find("now-events").textContent = short(run?.events);
  const beam = [run?.run_type, conditions?.beam_mode, conditions?.fill && `fill ${conditions.fill}`].filter(Boolean);
  find("now-beam").textContent = problem || beam.join(" · ") || "–";
  document.title = run ? `run ${run.run} · LS ${run.last_lumisection ?? "–"} · dqmstream` : "dqmstream";
}

// The three-second answer: the worst outcome of all workspaces on the newest judged LS.
export function showVerdict(quality, look, live) {
  const rows = Object.values(quality.rows).filter((row) => row.lumisection);
  const outcome = worst(rows.map((row) => row.lumisection.worst));
  const notJudged = rows.reduce((sum, row) => sum + row.lumisection.not_judged, 0);
  const stale = live && look.outcomes === "stale";
  const parent = find("verdict");
  const key = JSON.stringify([outcome, notJudged, stale, rows.length, rows.map((r) => r.lumisection.lumisection)]);
  // Rewritten only when it says something else: it is a live region, read aloud.
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.dataset.outcome = stale ? "STALE" : outcome;
  const where = rows.length ? `LS ${Math.max(...rows.map((row) => row.lumisection.lumisection))}` : "no reports yet";
  parent.replaceChildren(badge([outcome, rows.length, notJudged], { stale, size: 26 }), element("span", { className: "note", text: where }));
}

export function showWorkspaces(quality, chosen, { stale, href }) {
  const rows = Object.values(quality.rows).sort((a, b) => a.workspace.localeCompare(b.workspace));
  const everything = {
    workspace: "",
    description: "",
    elements: rows.reduce((sum, row) => sum + (row.elements ?? 0), 0),
  };
  find("workspaces").replaceChildren(
    ...[everything, ...rows].map((row) => {
      const isChosen = row.workspace === chosen;
      const name = element("span", { className: "name", text: row.workspace || "all" });
      const link = element("a", { href: href(row.workspace), title: row.description, "aria-current": isChosen && "true" }, name);
      if (row.lumisection) {
        const { worst: outcome, judged, not_judged: notJudged } = row.lumisection;
        link.append(badge([outcome, judged, notJudged], { stale }));
      } else if (row.workspace) {
        link.append(badge(["NOT_RUN", 0, 0]));
      } else {
        link.append(element("span", { className: "note", text: `${row.elements} plots` }));
      }
      return element("li", {}, link);
    }),
  );
}

export function showRuns(runs, current, chosen, href) {
  const rows = [...runs].sort((a, b) => b.run - a.run);
  const now = element("a", { href: href("current"), "aria-current": chosen === "current" && "true" }, element("span", { className: "name", text: "follow the newest" }));
  find("runs").replaceChildren(
    element("li", {}, now),
    ...rows.map((row) => {
      const notes = [`${row.lumisections} LS`];
      if (row.events !== null) notes.push(`${short(row.events)} events`);
      const link = element("a", { href: href(String(row.run)), "aria-current": chosen === String(row.run) && "true" },
        element("span", { className: "name", text: String(row.run) }),
        element("span", { className: "note", text: notes.join(" · ") }));
      if (row.run === current) link.append(element("span", { className: "tag", text: "newest" }));
      return element("li", {}, link);
    }),
  );
}

export function showAccounting(board) {
  const account = board.header.accounting;
  const body = find("accounting").tBodies[0];
  if (!account) {
    body.replaceChildren();
    return;
  }
  const losses = [
    ["dropped", whole(account.dropped), account.dropped],
    ["late events", account.late_events ? `${whole(account.late_events)} (LS ${account.late_in})` : "0", account.late_events],
    ["duplicates", whole(account.duplicates), 0],
    ...Object.entries(account.refused).map(([reason, n]) => [`refused: ${reason}`, `${whole(n)} chunks`, n]),
    ...Object.entries(account.notes).map(([reason, n]) => [`unusable: ${reason}`, whole(n), n]),
    ...Object.entries(account.missing).map(([source, where]) => [`missing: ${source}`, `LS ${where}`, 1]),
    ["incomplete", account.incomplete ? `LS ${account.incomplete}` : "none", account.incomplete],
    ["holes", account.holes ? `LS ${account.holes}` : "none", account.holes],
    ["open", account.open ? `LS ${account.open}` : "none", 0],
  ];
  const rows = [["seen", whole(account.seen), 0], ["selected", whole(account.selected), 0], ["chunks", whole(account.chunks), 0], ...losses];
  body.replaceChildren(
    ...rows.map(([name, value, loss]) => element("tr", { className: loss ? "loss" : "" }, element("th", { scope: "row", text: name }), element("td", { text: value }))),
  );
}

export function showFreshness(look, processes, live) {
  const body = document.body.dataset;
  body.connection = look.connected ? "live" : "lost";
  body.data = live ? look.data : "history";
  body.outcomes = live ? look.outcomes : "history";
  const chip = find("chip-data");
  chip.textContent = `data ${age(look.dataAge)}`;
  chip.dataset.state = look.data;
  const connection = find("chip-connection");
  const text = look.connected ? "live" : `no connection, ${age(look.silence)}`;
  if (connection.textContent !== text) connection.textContent = text;
  connection.dataset.state = look.connected ? "fresh" : "stale";
  const silent = processes.filter((row) => row.state === "stale");
  const button = find("chip-processes");
  button.textContent = silent.length ? `${silent.length} of ${processes.length} services silent` : `${processes.length} services`;
  button.dataset.state = silent.length || !processes.length || !look.connected ? "stale" : "fresh";
  const banner = find("banner");
  const why = live ? look.why || look.whyOutcomes : "";
  const said = why ? `STALE: ${why}. What is shown in grey is old.` : "";
  banner.hidden = !why;
  if (banner.textContent !== said) banner.textContent = said;
}

export function showProcesses(processes) {
  const head = element("tr", {}, ...["service", "state", "last heard", "memory"].map((text) => element("th", { scope: "col", text })));
  const rows = processes.map((row) => element("tr", { className: row.state === "stale" ? "loss" : "" },
    element("th", { scope: "row", text: row.service, title: row.process }),
    element("td", { text: row.state }),
    element("td", { text: age(row.age) }),
    element("td", { text: `${Math.round(row.memory / 2 ** 20)} MB` })));
  find("processes").replaceChildren(element("table", { className: "account" }, element("tbody", {}, head, ...rows)));
}
