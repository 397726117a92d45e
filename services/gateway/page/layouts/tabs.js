/** The tabs of a layout: one is chosen by its name in the address. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { plural } from "../format.js";

export class Tabs {
  constructor(root, router) {
    this._router = router;
    this._list = h("div", { class: "layout-tabs", role: "tablist", "aria-label": "Tabs" });
    this._list.addEventListener("keydown", (event) => this._key(event));
    root.append(this._list);
  }

  draw(layout, at, always) {
    show(this._list, always || layout.tabs.length > 1);
    keyed(this._list, layout.tabs.keys(), () => h("a", { role: "tab", "aria-controls": "layout-plots" }), (link, i) => {
      const tab = layout.tabs[i];
      setText(link, tab.name);
      setAttributes(link, {
        href: this._router.link({ tab: i ? tab.name : "" }), tabindex: i === at ? 0 : -1, "aria-selected": i === at ? "true" : "false",
        title: plural((tab.cells ?? []).length, "plot"),
      });
    });
  }

  /** As tabs work: arrows choose the one beside. */
  _key(event) {
    const tabs = [...this._list.children];
    const at = tabs.indexOf(event.target.closest('[role="tab"]'));
    const to = { ArrowLeft: tabs[at - 1], ArrowRight: tabs[at + 1], Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (at < 0 || !to || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    to.focus();
    to.click();
  }
}
