/** An event as it came, made ready to be drawn: one list of objects, each with its place. No page here. */

import { count, number } from "./format.js";

export const NAMES = {
  tracks: "tracks",
  scouting_tracks: "tracks",
  vertices: "vertices",
  scouting_vertices_primary: "primary vertices",
  scouting_vertices_displaced_vtx: "displaced vertices",
  scouting_vertices_displaced_no_vtx: "displaced vertices (free)",
  scouting_jets: "jets",
  Jet: "jets",
  scouting_muons_vtx: "muons",
  scouting_muons_no_vtx: "muons (free of vertex)",
  muon: "muons",
  Muon: "muons",
  scouting_electrons: "electrons",
  Electron: "electrons",
  scouting_photons: "photons",
  Photon: "photons",
};

/** The name of one object of a collection. */
export const one = (collection) =>
  (NAMES[collection] ?? "beam spot").replace("vertices", "vertex").replace(/s( |$)/, "$1");

const ORDER = ["track", "vertex", "jet", "muon", "electron", "photon"];

/**
 * `{display, layers, origin}`: layers `{kind, collection, name, total, objects}`; `origin` is where
 * objects start that do not say it: the hardest vertex, else the beam spot, else the centre.
 */
export function sceneOf(display) {
  const layers = [...display.layers]
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
    .map(({ kind, collection, total, members }) => ({
      kind, collection, total, name: NAMES[collection] ?? collection, objects: rows(members),
    }));
  const vertex = layers.find(({ kind, objects }) => kind === "vertex" && objects.length)?.objects[0];
  const { x, y, z } = vertex ?? display.spot ?? { x: 0, y: 0, z: 0 };
  const origin = { x, y, z };
  for (const { kind, objects } of layers) {
    if (kind !== "vertex") for (const object of objects) place(object, origin);
  }
  return { display, layers, origin };
}

/** Columns as objects. */
function rows(members) {
  const names = Object.keys(members);
  const length = Math.min(...names.map((name) => members[name].length));
  return Array.from({ length: names.length ? length : 0 }, (_, at) =>
    Object.fromEntries(names.map((name) => [name, members[name][at]])));
}

function place(object, origin) {
  const own = [object.vx, object.vy, object.vz].every((value) => typeof value === "number");
  Object.assign(object, own ? { x: object.vx, y: object.vy, z: object.vz } : origin);
}

const SIGNS = { 1: "+", [-1]: "−" };

/** An object in words. */
export function words(layer, object) {
  const name = one(layer.collection);
  if (layer.kind === "vertex") {
    const many = object.tracks ? `, ${count(object.tracks)} tracks` : "";
    return `${name}: x ${millimetres(object.x)}, y ${millimetres(object.y)} mm, z ${number(object.z, 4)} cm${many}`;
  }
  const sign = SIGNS[Math.sign(object.charge ?? 0)] ?? "";
  return `${name}${sign}: pt ${number(object.pt, 4)} GeV, η ${number(object.eta, 3)}, φ ${number(object.phi, 3)}`;
}

const millimetres = (cm) => number(cm * 10, 4);
