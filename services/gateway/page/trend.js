// One number per lumisection, as points.

import { INK, Scale, line } from "./axes.js";
import { short } from "./words.js";

export function drawTrend(canvas, trend) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = INK.paper;
  context.fillRect(0, 0, width, height);
  const known = (trend?.lumisections ?? []).map((n, i) => [n, trend.values[i]]).filter(([, v]) => typeof v === "number");
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = INK.muted;
  if (!known.length) {
    context.textAlign = "center";
    context.fillText("no trend of this element", width / 2, height / 2);
    return;
  }
  const values = known.map(([, value]) => value);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.15 || Math.max(Math.abs(high) * 0.05, 1);
  [low, high] = [low - room, high + room];
  const across = new Scale(known[0][0] - 0.5, known.at(-1)[0] + 0.5, 50, width - 10);
  const up = new Scale(low, high, height - 20, 8);
  for (const tick of up.ticks(3)) {
    line(context, INK.grid, 50, up.at(tick), width - 10, up.at(tick));
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(short(tick), 45, up.at(tick));
  }
  context.textAlign = "center";
  context.textBaseline = "bottom";
  for (const tick of across.ticks(6).filter(Number.isInteger)) context.fillText(`LS ${tick}`, across.at(tick), height - 4);
  context.fillStyle = INK.point;
  for (const [number, value] of known) {
    context.beginPath();
    context.arc(across.at(number), up.at(value), known.length > 80 ? 1.5 : 2.5, 0, 2 * Math.PI);
    context.fill();
  }
}
