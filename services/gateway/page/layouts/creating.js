/** A new layout: its name is asked for. */

import { field, text } from "./fields.js";
import { NAME } from "./value.js";

const RULE = "Up to four parts of letters, digits, spaces and _ . + -, with / between them";

/** Ask for a name that no layout has, and begin with it. */
export function askName(asking, shelf, begin) {
  const name = field("Name: the first part is the group it is listed in", text({ maxlength: 260, required: true, pattern: NAME, placeholder: "Shift/My detector", title: RULE }), () => "");
  asking.open({
    title: "New layout", action: "Begin", needsWhy: false, body: [name.root],
    act: () => {
      const called = name.input.value.trim();
      if (shelf.row(called)) throw new Error(`There is a layout ${called} already: open it and press Edit.`);
      begin(called);
    },
  });
}
