/** What is being edited of a layout, with steps back; kept in this tab until it is saved or thrown away. */

const KEY = "dqmstream.draft.";
const STEPS = 100;

/** Events: `change`. */
export class Draft extends EventTarget {
  constructor(name, layout, basedOn) {
    super();
    /** Where it was found, and the version that it was made from; null for a new one. */
    this.name = name;
    this.basedOn = basedOn;
    this.layout = layout;
    this._before = [];
    this._after = [];
    this._last = "";
    this.isChanged = false;
  }

  /** The draft of a name that was left in this tab; null if there is none. */
  static kept(name) {
    try {
      const { layout, basedOn } = JSON.parse(sessionStorage.getItem(KEY + name));
      const draft = new Draft(name, layout, basedOn);
      draft.isChanged = true;
      return draft;
    } catch {
      return null;
    }
  }

  get canUndo() {
    return this._before.length > 0;
  }

  get canRedo() {
    return this._after.length > 0;
  }

  /** Change it; what follows under the same `key`, as letters of a field, is one step back. */
  change(layout, key = "") {
    if (layout === this.layout) return;
    if (!key || key !== this._last) this._before = [...this._before, this.layout].slice(-STEPS);
    this._last = key;
    this._after = [];
    this._become(layout);
  }

  undo() {
    if (!this.canUndo) return;
    this._after.push(this.layout);
    this._last = "";
    this._become(this._before.pop());
  }

  redo() {
    if (!this.canRedo) return;
    this._before.push(this.layout);
    this._last = "";
    this._become(this._after.pop());
  }

  /** Go on from what somebody else saved; a step back brings one's own again. */
  rebase(layout, basedOn) {
    this.basedOn = basedOn;
    this.change(layout);
  }

  /** It is saved or given up. */
  forget() {
    sessionStorage.removeItem(KEY + this.name);
  }

  _become(layout) {
    this.layout = layout;
    this.isChanged = true;
    try {
      sessionStorage.setItem(KEY + this.name, JSON.stringify({ layout, basedOn: this.basedOn }));
    } catch {
      // The tab has no more room: the draft lives as long as the page.
    }
    this.dispatchEvent(new Event("change"));
  }
}
