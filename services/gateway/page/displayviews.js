/**
 * The two views: along the beams (x, y; z points at the viewer) and from the side (z; signed radius,
 * or y where only the beam spot is seen).
 */

import { sheet, stroke, write } from "./canvas.js";
import { inkOf } from "./displaycolours.js";
import { reach, way } from "./displayhelix.js";
import { circle, distance, drawRuler } from "./displaypen.js";
import { one, words } from "./displayscene.js";
import { plural } from "./format.js";

/**
 * Half widths in cm: `across` of the beams, `along` them; how far tracks are drawn. Around the beam
 * spot the middle is where the collisions are, else the middle of the detector.
 */
export const SCALES = {
  beams: { name: "Beam spot", across: 0.16, along: 12, unit: "mm" },
  pixel: { name: "Pixels", across: 20, along: 52, unit: "cm" },
  tracker: { name: "Tracker", across: 122, along: 290, unit: "m" },
  calorimeter: { name: "Calorimeters", across: 200, along: 400, unit: "m" },
};

/** Radii and half lengths of the barrel of CMS, in cm (JINST 3 S08004; pixels as from 2017 on). */
const LAYERS = [
  [2.9, 27], [6.8, 27], [10.9, 27], [16, 27],
  [25.5, 66], [33.9, 66], [41.9, 66], [49.8, 66],
  [60.8, 109], [69.2, 109], [78, 109], [86.8, 109], [96.5, 109], [108, 109],
];
const PIPE = 2.2;
const ECAL = { radius: 129, length: 315 };
const SOLENOID = 295;

const JET_CONE = 0.4;
const NEAR = 7;

/** One view on a canvas. */
export class View {
  /** `side`: from the side. */
  constructor(canvas, side) {
    this._canvas = canvas;
    this._side = side;
    this._zoom = 1;
    this._drawn = [];
    this._near = null;
    this._again = () => {};
    canvas.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    canvas.addEventListener("dblclick", () => this._setZoom(1));
    canvas.addEventListener("pointermove", (event) => this._point(event));
    canvas.addEventListener("pointerleave", () => this._setNear(null));
  }

  /** Draw a scene; `again` draws it once more when the view was zoomed or pointed at. */
  draw({ scene, scale, ink, hidden, softest, nothing, again }) {
    this._again = again;
    const { pen, width, height } = sheet(this._canvas);
    pen.fillStyle = ink.page;
    pen.fillRect(0, 0, width, height);
    this._drawn = [];
    const frame = this._frame(scene, SCALES[scale], width, height);
    this._detector(pen, frame, ink, scale);
    if (!scene) {
      write(pen, nothing, width / 2, height / 2, { size: 15, colour: ink.muted });
      return;
    }
    const layers = scene.layers.filter(({ collection }) => !hidden.has(collection));
    const drawing = { pen, frame, ink, scene, scale };
    for (const kind of ["jet", "track", "photon", "electron", "muon"]) {
      for (const layer of layers) if (layer.kind === kind) this._layer(drawing, layer, softest);
    }
    if (scene.display.spot && !hidden.has("beam_spot")) this._spot(drawing, scene.display.spot);
    for (const layer of layers) if (layer.kind === "vertex") this._vertices(drawing, layer);
    drawRuler(pen, frame, ink, SCALES[scale].unit);
    this._name(pen, frame, ink, width, height);
    this._tell();
  }

  /** What is drawn, for those who do not see it. */
  _tell() {
    const many = new Map();
    for (const { layer, object } of this._drawn) {
      const name = layer?.collection ?? "beam_spot";
      many.set(name, (many.get(name) ?? new Set()).add(object));
    }
    const said = [...many].map(([name, { size }]) => plural(size, one(name)));
    const where = this._side ? "from the side" : "along the beams";
    this._canvas.setAttribute("aria-label", `The event ${where}: ${said.join(", ") || "nothing"}`);
  }

  /** From cm to pixels. */
  _frame(scene, { across, along }, width, height) {
    const beams = across < 1;
    const middle = beams && scene ? scene.display.spot ?? scene.origin : { x: 0, y: 0, z: 0 };
    const up = (this._side ? height : Math.min(width, height)) / 2 / (across / this._zoom);
    const right = this._side ? width / 2 / (along / this._zoom) : up;
    const [u0, v0] = this._side ? [middle.z, beams ? middle.y : 0] : [middle.x, middle.y];
    return {
      beams, width, height, right, up,
      axis: scene ? scene.display.spot ?? scene.origin : middle,
      x: (u) => width / 2 + (u - u0) * right,
      y: (v) => height / 2 - (v - v0) * up,
      across: (across / this._zoom) * (this._side ? 1 : Math.SQRT2 * Math.max(1, width / height)) + Math.hypot(middle.x, middle.y),
      along: along / this._zoom + Math.abs(middle.z),
    };
  }

  /** A point `[x, y, z]` on the screen; `sign` is the half of the detector it belongs to. */
  _at(frame, [x, y, z], sign) {
    if (!this._side) return [frame.x(x), frame.y(y)];
    return [frame.x(z), frame.y(frame.beams ? y : sign * Math.hypot(x - frame.axis.x, y - frame.axis.y))];
  }

  _detector(pen, frame, ink, scale) {
    pen.setLineDash([]);
    const parts = scale === "beams" ? [] : [[PIPE, 400], ...LAYERS];
    const line = (u1, v1, u2, v2, colour) => stroke(pen, colour, [[frame.x(u1), frame.y(v1)], [frame.x(u2), frame.y(v2)]]);
    for (const [radius, length] of parts) {
      if (!this._side) circle(pen, frame.x(0), frame.y(0), radius * frame.up, ink.faint);
      else for (const sign of [1, -1]) line(-length, sign * radius, length, sign * radius, ink.faint);
    }
    for (const radius of scale === "beams" ? [] : [ECAL.radius, SOLENOID]) {
      if (!this._side) circle(pen, frame.x(0), frame.y(0), radius * frame.up, ink.detector, 1.5);
    }
    if (this._side && scale !== "beams") {
      const { radius, length } = ECAL;
      pen.strokeStyle = ink.detector;
      pen.lineWidth = 1.5;
      pen.strokeRect(frame.x(-length), frame.y(radius), 2 * length * frame.right, 2 * radius * frame.up);
      line(-500, 0, 500, 0, ink.detector);
    }
  }

  /** Softest first, so that what is hard lies on top. */
  _layer(drawing, layer, softest) {
    for (const object of [...layer.objects].reverse()) {
      if (layer.kind === "track" && object.pt < softest) continue;
      if (layer.kind === "jet") this._jet(drawing, layer, object);
      else if (layer.kind === "photon" || layer.kind === "electron") this._tower(drawing, layer, object);
      else this._line(drawing, layer, object);
    }
  }

  _line({ pen, frame, ink }, layer, object) {
    const muon = layer.kind === "muon";
    // Muons go on through the calorimeters. Near the beams tracks are seen from before where they
    // start, which is where they come nearest.
    const end = muon ? { radius: Infinity, length: Infinity } : ECAL;
    const radius = Math.min(end.radius, frame.beams ? 9 * frame.across : frame.across);
    const length = Math.min(end.length, this._side ? 3 * frame.along : Infinity);
    const points = way(object, { radius, length, back: frame.beams ? 9 * frame.across : 0 });
    const sign = Math.sin(object.phi) < 0 ? -1 : 1;
    const at = points.map((point) => this._at(frame, point, sign));
    const colour = inkOf(ink, layer.kind, object);
    pen.globalAlpha = muon ? 1 : Math.min(1, 0.45 + 0.2 * Math.sqrt(object.pt));
    if (!object.charge && !muon) pen.setLineDash([5, 3]);
    this._path(pen, colour, at, muon ? 2.6 : 1.2, layer, object);
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  /** A photon or an electron: a straight way to the calorimeter, and a tower of its size on it. */
  _tower({ pen, frame, ink, scale }, layer, object) {
    const colour = inkOf(ink, layer.kind, object);
    const sign = Math.sin(object.phi) < 0 ? -1 : 1;
    const end = reach(object, object, ECAL);
    const photon = layer.kind === "photon";
    pen.setLineDash(photon ? [2, 4] : []);
    pen.globalAlpha = 0.8;
    this._path(pen, colour, [[object.x, object.y, object.z], end].map((p) => this._at(frame, p, sign)), 1.2, layer, object);
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    if (scale !== "calorimeter") return;
    const longer = (12 + 10 * Math.sqrt(object.pt)) / Math.hypot(end[0] - object.x, end[1] - object.y, end[2] - object.z);
    const top = [object.x, object.y, object.z].map((from, i) => end[i] + (end[i] - from) * longer);
    this._path(pen, colour, [end, top].map((p) => this._at(frame, p, sign)), 5, layer, object);
  }

  _jet({ pen, frame, ink, scene }, layer, object) {
    if (frame.beams) return;
    const size = Math.min(1, 0.3 + Math.sqrt(object.pt / 250));
    const edge = { radius: Math.min(frame.across, ECAL.radius) * size, length: Math.min(frame.along, ECAL.length) * size };
    const sign = Math.sin(object.phi) < 0 ? -1 : 1;
    const rim = [];
    for (let i = -4; i <= 4; i += 1) {
      const by = (i / 4) * JET_CONE;
      const eta = object.eta + (this._side ? by : 0);
      const phi = object.phi + (this._side ? 0 : by);
      rim.push(this._at(frame, reach({ eta, phi }, scene.origin, edge), sign));
    }
    const { x, y, z } = scene.origin;
    const from = this._at(frame, [x, y, z], sign);
    pen.beginPath();
    pen.moveTo(...from);
    for (const point of rim) pen.lineTo(...point);
    pen.closePath();
    pen.fillStyle = ink.jet;
    pen.globalAlpha = Math.min(0.3, 0.05 + object.pt / 800);
    pen.fill();
    pen.globalAlpha = 0.5;
    pen.strokeStyle = ink.jet;
    pen.lineWidth = this._near === object ? 2.5 : 1;
    pen.stroke();
    pen.globalAlpha = 1;
    this._drawn.push({ kind: "jet", at: [from, rim[4]], layer, object });
  }

  _vertices({ pen, frame, ink }, layer) {
    layer.objects.forEach((vertex, place) => {
      const sign = vertex.y < 0 ? -1 : 1;
      const [x, y] = this._at(frame, [vertex.x, vertex.y, vertex.z], sign);
      const [eu, ev] = this._side ? [vertex.z_error, vertex.y_error] : [vertex.x_error, vertex.y_error];
      const [wide, tall] = [Math.max(3.5, (eu ?? 0) * frame.right), Math.max(3.5, (ev ?? 0) * frame.up)];
      pen.globalAlpha = place ? 0.75 : 1;
      stroke(pen, ink.vertex, [[x - wide, y], [x + wide, y]], 1.5);
      stroke(pen, ink.vertex, [[x, y - tall], [x, y + tall]], 1.5);
      circle(pen, x, y, place ? 2 : 3.2, ink.vertex, 1.5, this._near === vertex ? ink.vertex : ink.page);
      pen.globalAlpha = 1;
      this._drawn.push({ kind: "vertex", at: [[x, y], [x, y]], layer, object: vertex });
    });
  }

  /** One and two widths around the beam line. */
  _spot({ pen, frame, ink }, spot) {
    const [x, y] = this._at(frame, [spot.x, spot.y, spot.z], spot.y < 0 ? -1 : 1);
    pen.setLineDash([6, 4]);
    for (const sigma of [1, 2]) {
      const wide = sigma * (this._side ? spot.sigma_z : spot.width_x) * frame.right;
      const tall = sigma * spot.width_y * frame.up;
      pen.beginPath();
      pen.ellipse(x, y, Math.max(2, wide), Math.max(2, tall), 0, 0, 2 * Math.PI);
      pen.strokeStyle = ink.spot;
      pen.lineWidth = sigma === 1 ? 1.6 : 1;
      pen.stroke();
    }
    pen.setLineDash([]);
    this._drawn.push({ kind: "spot", at: [[x, y], [x, y]], layer: null, object: spot });
  }

  _path(pen, colour, at, width, layer, object) {
    stroke(pen, colour, at, this._near === object ? width + 2 : width);
    this._drawn.push({ kind: layer.kind, at, layer, object });
  }

  /** What the pointer is at. */
  _name(pen, frame, ink, width, height) {
    const { layer, object } = this._drawn.find((each) => each.object === this._near) ?? {};
    if (!layer) return;
    write(pen, words(layer, object), width - 12, height - 16, { size: 13, colour: ink.text, align: "right", base: "middle" });
  }

  _wheel(event) {
    event.preventDefault();
    this._setZoom(this._zoom * 1.2 ** (event.deltaY < 0 ? 1 : -1));
  }

  _setZoom(zoom) {
    this._zoom = Math.min(50, Math.max(0.5, zoom));
    this._again();
  }

  _point({ offsetX, offsetY }) {
    let [best, nearest] = [NEAR, null];
    for (const { at, object, kind } of this._drawn) {
      // A cone is wide: what is thin and near wins over it.
      const away = distance([offsetX, offsetY], at) + (kind === "jet" ? 3 : 0);
      if (away < best) [best, nearest] = [away, object];
    }
    this._setNear(nearest);
  }

  _setNear(object) {
    if (this._near === object) return;
    this._near = object;
    this._again();
  }
}
