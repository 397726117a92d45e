/** JSROOT inside the large view: the element as ROOT has it, with all that its users know. */

import { Refusal, ask, blob, runWord, windowQuery } from "../api.js";
import { h, setText, show } from "../dom.js";

/** Where the gateway serves what belongs to it, and says which release that is. */
const FOLDER = "jsroot";

let loading = null;

export class Viewer {
  constructor(root, router) {
    this._router = router;
    this._path = "";
    this._key = "";
    this._button = h("button", { type: "button", "aria-expanded": "false", onclick: () => this._toggle() }, "Open in JSROOT");
    this._again = h("button", { type: "button", hidden: true, onclick: () => this._draw() }, "Draw what is there now");
    this._words = h("span", { role: "status" });
    this._box = h("div", { class: "jsroot-box", hidden: true });
    root.append(h("p", {}, this._button, " ", this._again, " ", this._words), this._box);
  }

  /** Follow the address while it is open. */
  draw(path, plot) {
    this._path = path;
    const { run, window: word, at, js } = this._router.route;
    const key = JSON.stringify([path, run, word, at]);
    const canDraw = Boolean(plot?.header.element?.axes.length);
    show(this._button.parentElement, canDraw);
    const open = canDraw && Boolean(js);
    if (key === this._key && open === this._isOpen) return;
    this._key = key;
    this._open(open);
  }

  get _isOpen() {
    return !this._box.hidden;
  }

  /** Whether it is open stands in the address; drawing follows it. */
  _toggle() {
    this._router.go({ js: this._isOpen ? "" : "1" }, { replace: true });
  }

  _open(open) {
    show(this._box, open);
    show(this._again, open);
    this._button.setAttribute("aria-expanded", String(open));
    setText(this._button, open ? "Close JSROOT" : "Open in JSROOT");
    if (open) this._draw();
    else setText(this._words, "");
  }

  async _draw() {
    const key = this._key;
    // Another plot may be shown by now, or none.
    const isShown = () => key === this._key && this._isOpen;
    setText(this._words, "loading …");
    try {
      const JSROOT = await library();
      const { run, window: word, at } = this._router.route;
      const file = await blob(`runs/${runWord(run)}/contents/root`, { path: this._path, ...windowQuery(word), as_of: at });
      const opened = await JSROOT.openFile(await file.arrayBuffer());
      const found = await opened.readObject(await nameIn(opened));
      if (!isShown()) return;
      JSROOT.cleanup(this._box);
      await JSROOT.draw(this._box, found, found._typename.startsWith("TH2") ? "colz" : "");
      if (isShown()) setText(this._words, `${found._typename} · JSROOT ${JSROOT.version.split(" ")[0]}`);
    } catch (error) {
      if (isShown()) setText(this._words, error instanceof Refusal || error.isMissing ? error.message : `JSROOT cannot draw it: ${error.message}`);
    }
  }
}

/** The library, loaded once; what could not be loaded is tried again, a plot that cannot be drawn is no reason. */
function library() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** The library, if this gateway has it. */
async function load() {
  const { version } = await ask(FOLDER);
  if (!version) throw Object.assign(new Error("This gateway has no JSROOT: `make install` puts it beside the page."), { isMissing: true });
  allowStyles();
  await new Promise((done, failed) => {
    document.head.append(h("script", { src: `${FOLDER}/jsroot.min.js`, onload: done, onerror: () => failed(new Error("it did not come")) }));
  });
  const { JSROOT } = window;
  // Nothing is loaded from elsewhere, and nothing is kept on this machine.
  Object.assign(JSROOT.settings, { LoadSymbolTtf: false, UseStamp: false });
  return JSROOT;
}

/** The path of the one histogram in a file, down its folders: beside it lies what is said about it. */
async function nameIn(file, folder = file, before = "") {
  for (const { fName, fClassName } of folder.fKeys) {
    const path = before ? `${before}/${fName}` : fName;
    if (/^T(H[123]|Profile)/.test(fClassName)) return path;
    if (!fClassName.startsWith("TDirectory")) continue;
    const found = await nameIn(file, await file.readObject(path), path);
    if (found) return found;
  }
  return "";
}

/**
 * JSROOT sets styles as attributes, which the page's policy forbids; set as properties they are allowed,
 * and mean the same. So the policy stays as strict as it is.
 */
function allowStyles() {
  const { setAttribute } = Element.prototype;
  Element.prototype.setAttribute = function set(name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
}
