/** The help on keys, which `?` opens. */

import { h } from "../dom.js";

const KEYS = [
  [["/"], "search: a word, letters in order, a glob Pixel/**/charge*, or a regular expression /layer[12]/"],
  [["←", "→", "↑", "↓"], "from plot to plot; in the large view to the next; in the strip from LS to LS"],
  [["["], "the LS before at which the verdict became another"],
  [["]"], "the next LS at which the verdict became another"],
  [["r"], "references over the plots, on and off"],
  [["c"], "hold the LSs that are shown, to compare others with them"],
  [["l"], "logarithm of the large plot"],
  [["Enter"], "open what is focused; of a layout that is edited, its form"],
  [["Shift ←", "→"], "of a layout that is edited: move the plot"],
  [["+", "−", "Delete"], "of a layout that is edited: make the plot wider, narrower, take it out"],
  [["Ctrl Z", "S"], "of a layout that is edited: take back, save"],
  [["Esc"], "one step out: of the search, the plot, the view, the wall"],
  [["?"], "this help"],
];

/** Listen for `?`. */
export function listenForHelp() {
  let dialog = null;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    dialog ??= build();
    if (dialog.open) dialog.close();
    else dialog.showModal();
  });
}

function build() {
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { id: "help", "aria-labelledby": "h-help" }, h("h2", { id: "h-help" }, "Keys"),
    h("dl", {}, KEYS.map(([keys, words]) => h("div", {}, h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, words)))), close);
  // The page's own keys must not act behind it.
  dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.stopPropagation());
  document.body.append(dialog);
  return dialog;
}
