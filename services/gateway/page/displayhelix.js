/** Where particles fly in the solenoid of CMS. Lengths in cm, momenta in GeV, angles in radians. No page here. */

/** Tesla, along +z. */
const FIELD = 3.8;

/** Transverse momentum of a unit charge on a circle of 1 cm. */
const PT_OF_CM = 0.00299792458 * FIELD;

const MOST_POINTS = 400;
const TURN = 0.04;

/**
 * Points `[x, y, z]` of a particle's way from where it starts: a helix, or a straight line if its
 * charge is 0. It ends beyond `radius` or `length` (half of it, along the beams), or after half a
 * turn; `back` goes the other way for so many cm of transverse length.
 */
export function way({ pt, eta, phi, charge = 0, x = 0, y = 0, z = 0 }, { radius, length, back = 0 }) {
  const turning = charge ? (-Math.sign(charge) * PT_OF_CM) / pt : 0;
  const slope = Math.sinh(eta);
  const at = (s) => {
    const angle = turning * s;
    if (Math.abs(angle) < 1e-6) return [x + s * Math.cos(phi), y + s * Math.sin(phi), z + s * slope];
    return [
      x + (Math.sin(phi + angle) - Math.sin(phi)) / turning,
      y - (Math.cos(phi + angle) - Math.cos(phi)) / turning,
      z + s * slope,
    ];
  };
  const step = Math.min(radius / 40, turning ? TURN / Math.abs(turning) : Infinity, length / 20 / Math.max(Math.abs(slope), 1e-9));
  const points = [];
  for (let s = -back; s < 0; s += Math.max(step, back / 50)) points.push(at(s));
  for (let i = 0; i < MOST_POINTS; i += 1) {
    const point = at(i * step);
    points.push(point);
    if (Math.hypot(point[0], point[1]) > radius || Math.abs(point[2]) > length) break;
    if (Math.abs(turning * i * step) > Math.PI) break;
  }
  return points;
}

/** Where a straight way from `from` reaches a barrel of this radius, or its ends at ± `length`. */
export function reach({ eta, phi }, from, { radius, length }) {
  const slope = Math.sinh(eta);
  // |from + s (cos, sin)| = radius
  const along = from.x * Math.cos(phi) + from.y * Math.sin(phi);
  const s = -along + Math.sqrt(Math.max(0, along * along + radius * radius - from.x ** 2 - from.y ** 2));
  const end = slope ? (Math.sign(slope) * length - from.z) / slope : Infinity;
  const t = Math.max(0, Math.min(s, end));
  return [from.x + t * Math.cos(phi), from.y + t * Math.sin(phi), from.z + t * slope];
}
