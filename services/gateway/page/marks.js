/** What about a run is not as a detector took it: chips beside it, words on every plot. */

import { h, keyed, setAttributes, setText } from "./dom.js";

const MEANINGS = {
  simulated: "made by a program, not taken by a detector",
  "re-timed": "real events under a run, lumisections or times that are not their own",
  "lumisections-assigned": "the input names no lumisections: they were assigned by a rule",
  imported: "histograms that were filled elsewhere",
  selected: "only a part of the events was taken: by trigger paths, or by a prescale",
};

/** A chip for each mark, its meaning in the title. */
export function drawMarks(element, marks) {
  keyed(element, marks, () => h("i", { class: "chip" }), (chip, mark) => {
    setText(chip, markWords([mark])[0]);
    setAttributes(chip, { title: MEANINGS[mark] ?? mark });
  });
}

/** The marks as people read them. */
export function markWords(marks) {
  return (marks ?? []).map((mark) => mark.replace("lumisections-assigned", "LSs assigned"));
}
