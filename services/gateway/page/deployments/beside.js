/** What runs beside: on production's page a link to each candidate, on a candidate's one back. */

import { ask } from "../api.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { candidates } from "./running.js";

const EVERY = 30_000;

/** Put the links behind `anchor`, and keep them up to date as long as the page is looked at. */
export function followBeside(anchor) {
  const links = h("span", { id: "beside", hidden: true });
  anchor.after(links);
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await ask("deployments");
      draw(links, answer);
      candidates.take(answer);
    } catch {
      // A gateway of an older release has none; what is shown stays.
    }
  };
  look();
  setInterval(look, EVERY);
}

function draw(links, { candidate, production, deployments }) {
  const rows = new Map();
  if (candidate) {
    rows.set("", { words: `candidate ${candidate}`, url: production, title: production ? "To the same view of production" : "No events, conditions or references are its own" });
  } else {
    for (const { name, state, url } of deployments) {
      if (state === "running") rows.set(name, { words: `${name} beside`, url, title: `To the same view of candidate ${name}` });
    }
  }
  document.body.toggleAttribute("data-candidate", Boolean(candidate));
  keyed(links, rows.keys(), () => h("a", { target: "_blank", rel: "noopener" }), (link, key) => {
    const { words, url, title } = rows.get(key);
    setText(link, words);
    setAttributes(link, { title, href: /^https?:\/\//.test(url) ? url : null });
    // The same view there: this page keeps it in its address.
    link.onclick = () => { if (link.href) link.href = `${url.split("#")[0]}${location.hash}`; };
  });
  show(links, rows.size > 0);
}
