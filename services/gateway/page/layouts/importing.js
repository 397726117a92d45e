/** Import of layouts from a file: what it comes to is shown before anything is written. */

import { h, setText } from "../dom.js";
import { plural } from "../format.js";
import { field, text } from "./fields.js";
import { NAME } from "./value.js";

const SHOWN = 200;

export class Importing {
  constructor({ shelf, asking }, onDone) {
    Object.assign(this, { _shelf: shelf, _asking: asking, _onDone: onDone });
    /** Rises with each try, so that a late answer is known. */
    this._tried = 0;
    this._file = h("input", { type: "file", accept: ".json,application/json", id: "layout-file", onchange: () => this._read() });
    this._name = field("Under this name; of several, before theirs", text({ maxlength: 260, pattern: NAME, placeholder: "as in the file", onchange: () => this._text && this._try() }), () => "");
    this._said = h("p", { role: "status" });
    this._found = h("ul", { class: "differences" });
    this._unmapped = h("div", { class: "unmapped" });
    this._body = [h("label", { for: "layout-file" }, "A layout as exported here, or a layout file of the CMS DQM GUI (JSON)"), this._file, this._name.root, this._said, this._found, this._unmapped];
  }

  open() {
    this._text = "";
    this._file.value = "";
    this._name.input.value = "";
    this._clear("");
    this._asking.open({
      title: "Import layouts", action: "Write", body: this._body,
      act: async (why) => {
        const { written } = await this._shelf.import({ ...this._asked(false), why });
        this._onDone(written);
      },
    });
    this._asking.become({ disabled: true });
    this._file.focus();
  }

  _asked(dry) {
    return { text: this._text, file: this._file.files[0]?.name ?? "", name: this._name.input.value.trim() || null, dry_run: dry };
  }

  async _read() {
    const [file] = this._file.files;
    const text = file ? await file.text() : "";
    if (file !== this._file.files[0]) return;
    this._text = text;
    if (file) await this._try();
  }

  /** What the file comes to, without writing it. */
  async _try() {
    this._clear("reading …");
    const tried = this._tried;
    this._asking.say();
    try {
      const { layouts, mapped, unmapped } = await this._shelf.import(this._asked(true));
      // What is shown must be what is written: another file or name was chosen meanwhile.
      if (tried !== this._tried) return;
      const all = mapped + unmapped.length;
      setText(this._said, `${plural(layouts.length, "layout")}. Mapped: ${mapped} of ${plural(all, "path")}; not mapped: ${unmapped.length}.`);
      this._found.replaceChildren(...layouts.map((one) => {
        const standing = this._shelf.row(one.name);
        return h("li", {}, h("b", {}, standing ? "~" : "+"), h("span", {}, one.name), `${plural(one.tabs.reduce((sum, { cells = [] }) => sum + cells.length, 0), "plot")}${standing ? `; becomes the version after ${standing.version}` : ""}`);
      }));
      const rows = unmapped.slice(0, SHOWN).map(({ where, path, reason }) => h("tr", {}, h("td", {}, h("code", {}, path)), h("td", {}, reason), h("td", {}, where)));
      if (rows.length) {
        this._unmapped.replaceChildren(h("table", {}, h("caption", {}, "Not mapped: kept by their own paths, and shown as not there"),
          h("thead", {}, h("tr", {}, ["Path", "Why", "Where"].map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows)),
        unmapped.length > SHOWN ? h("p", {}, `and ${unmapped.length - SHOWN} more`) : "");
      }
      this._asking.become({ action: `Write ${plural(layouts.length, "layout")}` });
    } catch (error) {
      if (tried !== this._tried) return;
      this._clear("");
      this._asking.say(error instanceof TypeError ? "The gateway does not answer." : error.message);
    }
  }

  _clear(words) {
    this._tried += 1;
    setText(this._said, words);
    this._found.replaceChildren();
    this._unmapped.replaceChildren();
    this._asking.become({ disabled: true });
  }
}
