/** Layouts as the gateway has them. */

import { Refusal, ask, change } from "../api.js";

/** Milliseconds between two looks at the list while it is shown: others write, too. */
const LOOK = 4_000;

const inAddress = (name) => name.split("/").map(encodeURIComponent).join("/");

/** Events: `list`. */
export class Shelf extends EventTarget {
  constructor() {
    super();
    /** Rows of the list; null before it has come. */
    this.list = null;
    this.problem = "";
    this._timer = 0;
    this._text = "";
  }

  /** Look again and again, or no more. */
  watch(wanted) {
    if (wanted === Boolean(this._timer)) return;
    clearInterval(this._timer);
    this._timer = wanted ? setInterval(() => document.hidden || this.look(), LOOK) : 0;
    if (wanted) this.look();
  }

  async look() {
    try {
      const { layouts } = await ask("layouts");
      this.problem = "";
      const text = JSON.stringify(layouts);
      if (text === this._text) return;
      this._text = text;
      this.list = layouts;
    } catch (error) {
      const problem = error instanceof Refusal ? error.message : "The gateway does not answer: this is what was known.";
      if (problem === this.problem) return;
      this.problem = problem;
    }
    this.dispatchEvent(new Event("list"));
  }

  /** The row of a name; undefined if it is not in the list, or that has not come. */
  row(name) {
    return this.list?.find((each) => each.name === name);
  }

  /** A version of a layout, the newest if none is named. */
  get(name, version = "") {
    return ask(`layouts/${inAddress(name)}`, { version });
  }

  async versions(name) {
    return (await ask(`layout-versions/${inAddress(name)}`)).versions;
  }

  async put(name, layout, why, basedOn) {
    return this._changed(await change("PUT", `layouts/${inAddress(name)}`, { layout: { ...layout, name }, why, based_on: basedOn }));
  }

  async remove(name, why, basedOn) {
    return this._changed(await change("DELETE", `layouts/${inAddress(name)}`, undefined, { based_on: basedOn, why }));
  }

  async restore(name, to, why) {
    return this._changed(await change("POST", `layout-restores/${inAddress(name)}`, { to, why }));
  }

  async import(body) {
    return this._changed(await change("POST", "layout-imports", body));
  }

  _changed(answer) {
    this.look();
    return answer;
  }
}
