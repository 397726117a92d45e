/** The sound of alarms: tones made here, no file. Browsers let a page sound only after a click in it. */

const KEY = "dqmstream.sound";
const SILENT_KEY = "dqmstream.sound.silent";
const SILENT_FOR = 10 * 60_000;

/** Frequencies in Hz, one tone after the other, for each severity. */
const TONES = { low: [523], medium: [523, 659], high: [880, 659, 880, 659] };
const TONE = 0.22;

/** Milliseconds that the browser is given to begin to sound: longer than that it waits for a click. */
const BEGINS = 2_000;

/**
 * Put the tones of a severity into an AudioContext, from `at` on (seconds of its clock).
 * Returns when they are over.
 */
export function tones(context, severity, at = context.currentTime) {
  let from = at;
  for (const frequency of TONES[severity] ?? TONES.medium) {
    const [oscillator, gain] = [context.createOscillator(), context.createGain()];
    oscillator.type = "triangle";
    oscillator.frequency.value = frequency;
    // Without a ramp each tone would begin and end with a click.
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(0.35, from + 0.02);
    gain.gain.setValueAtTime(0.35, from + TONE - 0.04);
    gain.gain.linearRampToValueAtTime(0, from + TONE);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(from);
    oscillator.stop(from + TONE);
    from += TONE + 0.03;
  }
  return from;
}

/**
 * Events: `change`. Whether it is on, and until when it is silent, is kept on this machine, for all its
 * windows; it is off until somebody turns it on.
 */
class Sound extends EventTarget {
  constructor() {
    super();
    this._context = null;
    this._read();
    /** How often it rang. */
    this.rang = 0;
    window.addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== SILENT_KEY) return;
      this._read();
      this._tell();
    });
    // After a reload the first click anywhere lets it sound again.
    const wake = () => this._on && this._wake();
    for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, wake, { passive: true });
  }

  get isOn() {
    return this._on;
  }

  /** When it may sound again, milliseconds since 1970; 0 if it is not silenced. */
  get silentUntil() {
    const left = this._silentUntil - Date.now();
    // A clock that was put back must not silence it for longer than anybody asked for.
    return left > 0 && left <= SILENT_FOR ? this._silentUntil : 0;
  }

  /** Whether the browser waits for a click before it lets the page sound. */
  get isBlocked() {
    return this._on && !this.silentUntil && this._context?.state !== "running";
  }

  turn(on) {
    this._on = on;
    this._silentUntil = 0;
    localStorage.setItem(KEY, on ? "on" : "off");
    localStorage.removeItem(SILENT_KEY);
    if (on) this._wake();
    this._tell();
  }

  /** No sound for ten minutes. */
  silence() {
    this._silentUntil = Date.now() + SILENT_FOR;
    localStorage.setItem(SILENT_KEY, String(this._silentUntil));
    this._context?.suspend();
    this._tell();
  }

  /** Sound for alarms, unless it is off or silenced. */
  async ring(severity) {
    if (this._on && !this.silentUntil) await this._sound(severity);
  }

  /** Sound now, whatever is set: whether one can hear it. */
  async test() {
    await this._wake(true);
    await this._sound("high");
  }

  _read() {
    this._on = localStorage.getItem(KEY) === "on";
    this._silentUntil = Number(localStorage.getItem(SILENT_KEY)) || 0;
  }

  async _sound(severity) {
    await this._wake();
    // A context that is not let sound keeps its clock still: tones would pile up for the first click.
    if (this._context.state !== "running") return;
    tones(this._context, severity);
    this.rang += 1;
    this._tell();
  }

  async _wake(anyway = false) {
    this._context ??= this._made();
    if (this._context.state !== "running" && (anyway || !this.silentUntil)) {
      // Without a click this waits for one, and nobody should wait for it.
      await Promise.race([this._context.resume(), new Promise((resolve) => setTimeout(resolve, BEGINS))]);
    }
  }

  _made() {
    const context = new AudioContext();
    context.onstatechange = () => this._tell();
    return context;
  }

  _tell() {
    this.dispatchEvent(new Event("change"));
  }
}

export const sound = new Sound();
