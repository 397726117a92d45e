// Outcomes as shape, word and colour: any one of the three is enough to tell them apart.

const SVG = "http://www.w3.org/2000/svg";

export const OUTCOMES = {
  GOOD: { word: "GOOD", colour: "#2bb389", height: 0.55, path: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-1 10.2L3.9 8l1.2-1.2L7 8.7l4-4 1.2 1.3z" },
  WARNING: { word: "WARNING", colour: "#f0b429", height: 0.78, path: "M8 1 0.5 15h15zM7.2 6h1.6v5H7.2zm0 6h1.6v1.6H7.2z" },
  BAD: { word: "BAD", colour: "#ff5d43", height: 1, path: "M1 1h14v14H1zm3.3 2.1L3.1 4.3 6.8 8l-3.7 3.7 1.2 1.2L8 9.2l3.7 3.7 1.2-1.2L9.2 8l3.7-3.7-1.2-1.2L8 6.8z" },
  ERROR: { word: "ERROR", colour: "#dc7fc0", height: 0.78, path: "M4.6 1h6.8L15 4.6v6.8L11.4 15H4.6L1 11.4V4.6zM7.2 4v5h1.6V4zm0 6.4V12h1.6v-1.6z" },
  INVALID: { word: "INVALID", colour: "#b08be0", height: 0.66, path: "M8 0.5 15.5 8 8 15.5 0.5 8zM5 7.2v1.6h6V7.2z" },
  STALE: { word: "STALE", colour: "#8492a3", height: 0.4, path: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-.8 3h1.6v3.7l2.6 1.5-.8 1.4-3.4-2z" },
  INSUFFICIENT: { word: "INSUFFICIENT", colour: "#7ba7d9", height: 0.4, path: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.8v10.4A5.2 5.2 0 0 1 8 2.8z" },
  NOT_RUN: { word: "NOT RUN", colour: "#69778a", height: 0.28, path: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8z" },
  DISABLED: { word: "DISABLED", colour: "#5c6878", height: 0.28, path: "M1 6.5h14v3H1z" },
};

const RISING = ["DISABLED", "NOT_RUN", "INSUFFICIENT", "STALE", "INVALID", "ERROR", "GOOD", "WARNING", "BAD"];

export function worst(outcomes) {
  let found = "NOT_RUN";
  let rank = -1;
  for (const outcome of outcomes) {
    const here = RISING.indexOf(outcome);
    if (here > rank) [found, rank] = [outcome, here];
  }
  return found;
}

export function shape(outcome, size = 14) {
  const known = OUTCOMES[outcome] ?? OUTCOMES.NOT_RUN;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", known.path);
  path.setAttribute("fill", known.colour);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

// `[outcome, judged, notJudged]` as a badge. When it is stale it says so, whatever it was.
export function badge(words, { stale = false, size = 14, brief = false } = {}) {
  const [outcome, , notJudged] = words ?? ["NOT_RUN", 0, 0];
  const shown = stale ? "STALE" : outcome;
  const element = document.createElement("span");
  element.className = "outcome";
  element.dataset.outcome = shown;
  element.append(shape(shown, size));
  const word = document.createElement("span");
  word.className = "word";
  word.textContent = OUTCOMES[shown]?.word ?? shown;
  if (brief) word.classList.add("hidden-text");
  element.append(word);
  if (stale) element.title = `was ${OUTCOMES[outcome]?.word ?? outcome} when last heard`;
  if (!stale && notJudged > 0) {
    const count = document.createElement("span");
    count.className = "not-judged";
    count.textContent = `+${notJudged} not judged`;
    element.append(count);
  }
  return element;
}

export function legend(parent) {
  for (const outcome of ["GOOD", "WARNING", "BAD", "ERROR", "INVALID", "INSUFFICIENT", "NOT_RUN"]) {
    parent.append(badge([outcome, 0, 0], { size: 11 }));
  }
}
