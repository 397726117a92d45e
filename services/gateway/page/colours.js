/** Colours of plots. The map rises evenly in lightness, for all eyes, and starts above the dark page. */

export const INK = {
  text: "#c9d4e0", muted: "#8a98a9", grid: "#232c38", frame: "#3a4655", empty: "#0b0f15",
  line: "#62b7f0", fill: "rgba(98, 183, 240, 0.26)", error: "#b8dcf5", bad: "#ff6b4a", halo: "#ffffff",
  /** `empty` as 0xAABBGGRR. */
  emptyPixel: 0xff150f0b,
};

/** Anchors from low to high: purple, blue, teal, green, yellow (after viridis, CC0, lifted). */
const ANCHORS = [
  [78, 24, 112], [76, 52, 136], [66, 78, 146], [54, 104, 150], [44, 129, 148], [36, 154, 142],
  [48, 178, 126], [98, 202, 96], [172, 220, 56], [253, 231, 55],
];

/** Below, at and above a value of agreement: blue, dark grey, orange, lighter to both ends. */
const BOTH_WAYS = [
  [120, 196, 255], [70, 140, 220], [52, 92, 150], [44, 58, 78], [46, 50, 56], [80, 60, 44], [150, 92, 40], [224, 132, 48], [255, 186, 110],
];

const STEPS = 256;

/** A map of colours: 256 of them as 0xAABBGGRR, the way canvases keep pixels, and as CSS by a fraction. */
function mapOf(anchors) {
  const at = (fraction) => between(anchors, fraction);
  const pixels = Uint32Array.from({ length: STEPS }, (_, step) => {
    const [r, g, b] = at(step / (STEPS - 1));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
  return { pixels, text: (fraction) => `rgb(${at(fraction).join(" ")})` };
}

/** Red, green and blue of a fraction 0 to 1. */
function between(anchors, fraction) {
  const at = Math.min(1, Math.max(0, fraction)) * (anchors.length - 1);
  const low = Math.min(Math.floor(at), anchors.length - 2);
  return anchors[low].map((value, i) => Math.round(value + (anchors[low + 1][i] - value) * (at - low)));
}

export const RISING = mapOf(ANCHORS);
export const DIVERGING = mapOf(BOTH_WAYS);
