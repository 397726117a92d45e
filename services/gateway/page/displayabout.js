/** What stands beside the views: objects with their colours, the hardest ones, trigger paths. */

import { inkOf } from "./displaycolours.js";
import { NAMES, one } from "./displayscene.js";
import { byId, h, keyed, setAttributes, setText } from "./dom.js";
import { count, number } from "./format.js";

const HARDEST = 8;
const SHAPES = { track: "line", muon: "thick", photon: "dotted", electron: "line", jet: "cone", vertex: "cross", spot: "ring" };

export class About {
  /** `onHide` is called when a kind of objects is hidden or shown. */
  constructor({ onHide }) {
    this.hidden = new Set();
    this._onHide = onHide;
  }

  draw(scene, ink) {
    const { display } = scene;
    this._legend(display, ink);
    this._hardest(scene);
    setText(byId("h-paths"), display.paths_passed ? `Trigger paths (${count(display.paths_passed)})` : "Trigger paths");
    const more = display.paths_passed - display.paths.length;
    const lines = [...display.paths, ...(more > 0 ? [`and ${count(more)} more`] : [])];
    keyed(byId("paths"), lines.length ? lines : ["none"], () => h("li"), (line, text) => setText(line, text));
  }

  _legend(display, ink) {
    const layers = new Map(display.layers.map((layer) => [layer.collection, layer]));
    if (display.spot) layers.set("beam_spot", { kind: "spot", total: 1, members: { x: [display.spot.x] } });
    keyed(byId("legend"), [...layers.keys()], (collection) => this._entry(collection), (entry, collection) => {
      const { kind, total, members } = layers.get(collection);
      const [box, shape, name, many] = entry.firstElementChild.children;
      box.checked = !this.hidden.has(collection);
      setAttributes(shape, { "data-shape": SHAPES[kind] });
      const colours = kind === "track" ? [ink.plus, ink.minus] : [inkOf(ink, kind, {})];
      shape.style.setProperty("--one", colours[0]);
      shape.style.setProperty("--other", colours.at(-1));
      setText(name, (collection === "beam_spot" ? "beam spot" : NAMES[collection] ?? collection) + (kind === "track" ? " + −" : ""));
      const drawn = Math.min(...Object.values(members).map((values) => values.length));
      setText(many, drawn < total ? `${count(drawn)} of ${count(total)}` : count(total));
      setAttributes(many, { title: drawn < total ? "the softest are not sent" : null });
    });
  }

  _entry(collection) {
    const turn = ({ target }) => {
      if (target.checked) this.hidden.delete(collection);
      else this.hidden.add(collection);
      this._onHide();
    };
    const box = h("input", { type: "checkbox", onchange: turn });
    return h("li", {}, h("label", {}, box, h("i"), h("span"), h("b")));
  }

  _hardest({ layers }) {
    const all = layers
      .filter(({ kind }) => kind !== "vertex")
      .flatMap((layer) => layer.objects.slice(0, HARDEST).map((object) => [layer, object]))
      .sort(([, a], [, b]) => b.pt - a.pt)
      .slice(0, HARDEST);
    const rows = all.map(([layer, { pt, eta, phi, charge }]) => [
      `${one(layer.collection)}${charge ? (charge > 0 ? " +" : " −") : ""}`,
      `${number(pt, 4)} GeV · ${number(eta, 3)} · ${number(phi, 3)}`,
    ]);
    keyed(byId("hardest"), rows.map((_, at) => at), () => h("div", {}, h("dt"), h("dd")), (row, at) => {
      setText(row.firstElementChild, rows[at][0]);
      setText(row.lastElementChild, rows[at][1]);
    });
  }
}
