/**
 * The stream `/api/v1/stream`: keeps the states of watched channels, and the connection alive.
 *
 * A snapshot is taken whatever was held. A change is applied only to the state numbered `base`;
 * one at or below the sequence held is an overlap and is dropped; anything else is a gap: the state
 * stays as it was until the snapshot that `resync` asks for has come. Changes call channels by the
 * number that is in their snapshot.
 */

import { session } from "./session.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const SILENCE = 8_000;

export class Stream extends EventTarget {
  /** Events: `link` {state}, `hello` {message}, `state` {channel}, `refused` {id, refused, problem}. */
  constructor(url) {
    super();
    this.link = "connecting";
    this.resyncs = 0;
    // What waits comes as one message.
    this._url = `${url}?batch=true`;
    this._socket = null;
    this._channels = new Map();
    this._names = new Map();
    this._wanted = new Map();
    this._listed = new Map();
    this._wait = FIRST_WAIT;
    this._heard = 0;
    this._as = "";
    setInterval(() => this._watch(), 1000);
    window.addEventListener("online", () => this._socket ?? this._open());
    session.addEventListener("change", () => this._reopen());
    session.opened().then(() => this._socket ?? this._open());
  }

  /** The state of a channel: `{sequence, header, arrays, rows}`, undefined before its snapshot. */
  state(channel) {
    return this._channels.get(channel);
  }

  /** Watch what `request` names under an id, instead of what the id stood for before. */
  subscribe(id, request) {
    const text = JSON.stringify({ type: "subscribe", id, ...request });
    if (this._wanted.get(id) === text) return;
    this._wanted.set(id, text);
    this._send(text);
  }

  unsubscribe(id) {
    if (!this._wanted.delete(id)) return;
    this._listed.delete(id);
    this._prune();
    this._send(JSON.stringify({ type: "unsubscribe", id }));
  }

  _open() {
    if (session.isShut) return;
    const { protocols } = session;
    const socket = new WebSocket(this._url, protocols);
    this._socket = socket;
    this._names.clear();
    this._as = protocols.join();
    this._heard = performance.now();
    socket.onopen = () => {
      for (const text of this._wanted.values()) this._send(text);
    };
    socket.onmessage = (event) => {
      if (socket !== this._socket) return;
      this._heard = performance.now();
      this._take(JSON.parse(event.data));
    };
    socket.onclose = () => socket === this._socket && this._lost();
  }

  _lost() {
    this._socket = null;
    // Why a stream was refused, a browser does not tell: it may be the token.
    if (this.link !== "live") session.check();
    this._setLink("lost");
    const wait = this._wait * (0.75 + 0.5 * Math.random());
    this._wait = Math.min(LONGEST_WAIT, this._wait * 1.7);
    setTimeout(() => this._socket ?? this._open(), wait);
  }

  /** Somebody else is logged in: the stream is opened anew in this name. */
  _reopen() {
    const socket = this._socket;
    if (session.isShut ? !socket : socket && this._as === session.protocols.join()) return;
    if (socket) {
      socket.onclose = null;
      socket.close();
      this._socket = null;
    }
    if (session.isShut) this._setLink("lost");
    else this._open();
  }

  /** The pulse comes every second: silence means a connection that is dead without saying so. */
  _watch() {
    const socket = this._socket;
    if (!socket || performance.now() - this._heard < SILENCE) return;
    socket.onclose = null;
    socket.close();
    this._lost();
  }

  _send(text) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(text);
  }

  _setLink(link) {
    if (this.link === link) return;
    this.link = link;
    this._tell("link", { state: link });
  }

  _tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  _take(message) {
    switch (message.type) {
      case "hello":
        this._wait = FIRST_WAIT;
        this._setLink("live");
        this._tell("hello", message);
        break;
      case "subscribed":
        this._listed.set(message.id, message.channels);
        this._prune();
        if (Object.keys(message.refused).length) this._tell("refused", { ...message, problem: "" });
        break;
      case "batch":
        for (const one of message.messages) this._take(one);
        break;
      case "snapshot":
        this._channels.set(message.channel, snapshot(message));
        this._names.set(message.number, message.channel);
        this._tell("state", { channel: message.channel });
        break;
      case "change":
        this._change(message);
        break;
      case "error":
        this._tell("refused", { id: message.id, refused: {}, problem: message.problem });
        break;
    }
  }

  _change(message) {
    const channel = this._names.get(message.number);
    const held = this._channels.get(channel);
    if (held && message.sequence <= held.sequence) return;
    if (held && message.base === held.sequence) {
      apply(held, message);
      this._tell("state", { channel });
    } else if (!held?.waiting) {
      this.resyncs += 1;
      if (held) held.waiting = true;
      this._send(JSON.stringify({ type: "resync", channel: channel ?? message.number }));
    }
  }

  /** Forget the channels that no subscription stands for any more. */
  _prune() {
    const listed = new Set([...this._listed.values()].flat());
    for (const name of this._channels.keys()) if (!listed.has(name)) this._channels.delete(name);
    for (const [number, name] of this._names) if (!listed.has(name)) this._names.delete(number);
  }
}

function snapshot({ sequence, header, arrays, rows }) {
  return { sequence, header, arrays: cellsOf(arrays), rows };
}

/** Bring a state from `base` to the next, in place; objects within its header and rows become others. */
export function apply(held, { sequence, header = {}, arrays = {}, rows = {} }) {
  change(held.header, header);
  for (const [name, { skip, add, set }] of Object.entries(arrays)) {
    const cells = held.arrays[name];
    const values = add ?? set;
    let at = typeof skip === "number" ? skip : 0;
    for (let i = 0; i < values.length; i += 1) {
      if (typeof skip !== "number") at += skip[i];
      if (add) cells[at] += values[i];
      else cells[at] = values[i] ?? NaN;
      at += 1;
    }
  }
  change(held.rows, rows);
  held.sequence = sequence;
}

/** By key: an object goes within, a list of one sets, an empty one removes. */
function change(held, changes) {
  for (const [key, one] of Object.entries(changes)) {
    if (!Array.isArray(one)) held[key] = change({ ...held[key] }, one);
    else if (one.length) [held[key]] = one;
    else delete held[key];
  }
  return held;
}

/** Arrays by name, as they come. */
export function cellsOf(arrays) {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, numbers(values)]));
}

/** Cells as they come: null is "undefined", as the mean of an empty bin is. */
export function numbers(values) {
  return Float64Array.from(values, (value) => value ?? NaN);
}
