/** The plot as files: pictures and numbers, made by the gateway. */

import { address, runWord, save, windowQuery } from "../api.js";
import { h, setAttributes, setText } from "../dom.js";
import { session } from "../session.js";

/** Formats of contents, what they are called and for whom they are. */
const FORMATS = {
  png: ["PNG", "A picture"], svg: ["SVG", "A picture of lines"], root: ["ROOT", "A file of ROOT"],
  json: ["JSON", "Cells, as the page gets them"], csv: ["CSV", "A table of bins"], uhi: ["UHI", "A histogram as Python's libraries take it"],
};

export class Downloads {
  constructor(root, router) {
    this._router = router;
    this._links = Object.entries(FORMATS).map(([name, [words, title]]) => {
      const link = h("a", { title, target: "_blank" }, words);
      // A link carries no token: where reading takes one the file is asked for in its name.
      link.addEventListener("click", (event) => {
        if (!session.headers.authorization) return;
        event.preventDefault();
        this._save(name);
      });
      return [name, link];
    });
    this._problem = h("small", { role: "status" });
    root.append(...this._links.map(([, link]) => link), this._problem);
  }

  draw(path) {
    if (path !== this._path) setText(this._problem, "");
    this._path = path;
    for (const [name, link] of this._links) setAttributes(link, { href: address(this._place(name), this._query(name)) });
  }

  _place(name) {
    return `runs/${runWord(this._router.route.run)}/contents/${name}`;
  }

  _query(name) {
    const size = name === "png" || name === "svg" ? { width: 960, height: 660 } : {};
    const { window: word, at } = this._router.route;
    return { path: this._path, ...windowQuery(word), as_of: at, ...size };
  }

  async _save(name) {
    setText(this._problem, "");
    try {
      await save(this._place(name), this._query(name), `${this._path.replaceAll("/", "_")}.${name}`);
    } catch (error) {
      setText(this._problem, `${name} cannot be had: ${error.message}`);
    }
  }
}
