// Questions over HTTP. The browser's own cache and the gateway's ETags keep repeats cheap.

const ROOT = "/api/v1";

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function link(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) {
      if (each !== "" && each !== null && each !== undefined) parameters.append(name, each);
    }
  }
  const text = parameters.toString();
  return ROOT + path + (text ? `?${text}` : "");
}

export async function ask(path, query = {}, { signal } = {}) {
  const answer = await fetch(link(path, query), { signal, headers: { accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body.detail ?? answer.statusText);
  return body;
}
