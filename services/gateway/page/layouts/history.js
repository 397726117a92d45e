/** The versions of a layout: who wrote which and why, how they differ from what stands, and how one stands again. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { clock } from "../format.js";
import { session } from "../session.js";
import { differences } from "./difference.js";

const moment = (when) => (when ? clock(when) : "");

export class History {
  /** `on` has `restored(answer)` and `removed()`. */
  constructor({ shelf, router, asking }, on) {
    Object.assign(this, { _shelf: shelf, _router: router, _asking: asking, _on: on });
    this._title = h("h2", { id: "layout-history-title" });
    this._said = h("p", { class: "layout-hint", role: "status" });
    this._list = h("ol", { class: "layout-versions" });
    this._remove = h("button", { type: "button", onclick: () => this._askRemove() }, "Delete this layout …");
    this._dialog = h("dialog", { id: "layout-history", "aria-labelledby": "layout-history-title" }, this._title, this._said, this._list,
      h("div", { class: "login-row" }, this._remove, h("button", { type: "button", onclick: () => this._dialog.close() }, "Close")));
    this._dialog.addEventListener("keydown", (event) => event.stopPropagation());
    document.body.append(this._dialog);
  }

  /** Show the versions of what is shown: `{layout, version, shipped}` as it stands. */
  async open(name, standing) {
    Object.assign(this, { _name: name, _standing: standing });
    setText(this._title, `Versions of ${name}`);
    setText(this._said, "looking …");
    this._list.replaceChildren();
    show(this._remove, session.may("expert") && Boolean(standing) && !standing.shipped);
    this._dialog.showModal();
    try {
      const versions = await this._shelf.versions(name);
      setText(this._said, versions.length ? "" : "Nobody has written this layout: it is as shipped.");
      this._draw(versions);
    } catch (error) {
      setText(this._said, error.message);
    }
  }

  _draw(versions) {
    const byNumber = new Map(versions.map((version) => [version.number, version]));
    const newest = versions[0]?.number;
    keyed(this._list, byNumber.keys(), (number) => h("li", {}, h("div", {}, h("b"), h("span"), h("p"), h("div", { class: "layout-buttons" },
      h("a", { class: "button" }, "Show"),
      h("button", { type: "button", onclick: () => this._compare(byNumber.get(number)) }, "Difference"),
      h("button", { type: "button", onclick: () => this._askRestore(byNumber.get(number)) }, "Restore …"))), h("ul", { class: "differences", hidden: true })), (item, number) => {
      const version = byNumber.get(number);
      const [head, who, why, buttons] = item.firstElementChild.children;
      setText(head, `${number}${number === newest ? ", the newest" : ""}`);
      setText(who, [moment(version.when), version.who && `by ${version.who}`, version.deleted ? "deleted" : "", version.restores === null ? "" : version.restores ? `is version ${version.restores} again` : "is as shipped again"].filter(Boolean).join(" · "));
      setText(why, version.why);
      const [link, compare, restore] = buttons.children;
      setAttributes(link, { href: this._router.link({ layout: this._name, version: number === newest ? "" : String(number), tab: "" }), hidden: version.deleted });
      link.onclick = () => this._dialog.close();
      for (const [one, shown] of [[compare, !version.deleted && number !== newest], [restore, !version.deleted && number !== newest && session.may("expert")]]) show(one, shown);
    });
  }

  /** What became other from a version to the one that stands. */
  async _compare({ number }) {
    const list = this._list.querySelector(`[data-key="${number}"] .differences`);
    show(list, list.hidden);
    if (list.hidden) return;
    list.replaceChildren(h("li", {}, "looking …"));
    try {
      const { layout } = await this._shelf.get(this._name, number);
      const rows = this._standing ? differences(layout, this._standing.layout) : [];
      list.replaceChildren(...(rows.length ? rowsOf(rows) : [h("li", {}, "No difference to what stands.")]));
    } catch (error) {
      list.replaceChildren(h("li", {}, error.message));
    }
  }

  _askRestore({ number, why }) {
    this._dialog.close();
    this._asking.open({
      title: `Let version ${number} of ${this._name} stand again`, action: "Restore",
      body: [h("p", {}, `“${why}”. It becomes the next version; nothing is lost.`)],
      act: async (reason) => this._on.restored(await this._shelf.restore(this._name, number, reason)),
    });
  }

  _askRemove() {
    const { version } = this._standing;
    this._dialog.close();
    this._asking.open({
      title: `Delete ${this._name}`, action: "Delete",
      body: [h("p", {}, "It is no longer listed; its versions are kept and can be restored. A layout that covers a shipped one uncovers it.")],
      act: async (reason) => {
        await this._shelf.remove(this._name, reason, version);
        this._on.removed();
      },
    });
  }
}

/** Differences as items of a list. */
export const rowsOf = (rows) => rows.map(({ mark, where, words }) => h("li", {}, h("b", {}, mark), h("span", {}, where), words));
