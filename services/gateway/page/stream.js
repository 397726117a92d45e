// The live stream: what is watched, the newest state of each channel, and how the connection is.
//
// The rules are those of services/gateway/hub.py: a snapshot is taken as it is; a change at or
// below our number is an overlap and dropped; one based on our number is applied; anything else is
// a gap, so the state is thrown away and a snapshot asked for.

const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

export class Stream {
  #socket = null;
  #wanted = new Map();
  #channels = new Map();
  #named = new Map();
  #pause = SHORTEST_PAUSE;

  constructor(url, { onChannel, onStatus, onSubscribed }) {
    this.url = url;
    this.onChannel = onChannel;
    this.onStatus = onStatus;
    this.onSubscribed = onSubscribed;
    this.hello = null;
    this.status = "connecting";
    this.heard = 0;
    this.gaps = 0;
  }

  connect() {
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      for (const [id, body] of this.#wanted) this.#send({ type: "subscribe", id, ...body });
    };
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = () => this.#lost(socket);
  }

  // Seconds since anything was heard: what is shown is at least this old.
  silence(now = performance.now()) {
    return this.heard ? (now - this.heard) / 1000 : Infinity;
  }

  watch(id, body) {
    this.#wanted.set(id, body);
    this.#send({ type: "subscribe", id, ...body });
  }

  drop(id) {
    if (this.#wanted.delete(id)) {
      this.#send({ type: "unsubscribe", id });
      this.#named.delete(id);
      this.#forgetUnwatched();
    }
  }

  state(channel) {
    return this.#channels.get(channel);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #setStatus(status) {
    if (status !== this.status) {
      this.status = status;
      this.onStatus(status);
    }
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#setStatus("lost");
    // States stay on screen, and turn grey: their numbers mean nothing on the next connection.
    for (const state of this.#channels.values()) state.sequence = -1;
    setTimeout(() => this.connect(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #take(message) {
    this.heard = performance.now();
    switch (message.type) {
      case "hello":
        this.hello = message;
        this.#pause = SHORTEST_PAUSE;
        this.#setStatus("live");
        return;
      case "subscribed":
        this.#named.set(message.id, message.channels);
        this.#forgetUnwatched();
        this.onSubscribed(message);
        return;
      case "snapshot":
        this.#channels.set(message.channel, message);
        this.onChannel(message.channel, message);
        return;
      case "change":
        this.#change(message);
        return;
      case "error":
        console.warn("the stream refused:", message.problem);
        this.onSubscribed({ id: message.id, channels: [], refused: {}, problem: message.problem });
    }
  }

  #change(message) {
    const state = this.#channels.get(message.channel);
    if (!state || state.sequence < 0 || message.sequence <= state.sequence) return;
    if (message.base !== state.sequence) {
      this.gaps += 1;
      state.sequence = -1;
      this.#send({ type: "resync", channel: message.channel });
      return;
    }
    applyChange(state, message);
    this.onChannel(message.channel, state);
  }

  #forgetUnwatched() {
    const watched = new Set([...this.#named.values()].flat());
    for (const name of this.#channels.keys()) {
      if (!watched.has(name)) this.#channels.delete(name);
    }
  }
}

export function applyChange(state, message) {
  Object.assign(state.header, message.header ?? {});
  for (const [name, { at, to }] of Object.entries(message.arrays ?? {})) {
    const array = state.arrays[name];
    for (let i = 0; i < at.length; i += 1) array[at[i]] = to[i];
  }
  Object.assign(state.rows, message.rows ?? {});
  for (const key of message.gone ?? []) delete state.rows[key];
  state.sequence = message.sequence;
}
