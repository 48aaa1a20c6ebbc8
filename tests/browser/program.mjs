// A customer's program that calls the api: one connection, kept open from request to request.

import { Agent, request } from "node:http";

export class Program {
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #gateway;
  #host;

  /** `gateway`: the origin of the listener; `host`: the api's own name, as the program would call it. */
  constructor({ gateway, host }) {
    this.#gateway = gateway;
    this.#host = host;
  }

  /** Sends `Authorization: {authorization}`: `{status, body, from}`, `from` being the connection's own port. */
  call(authorization, path, { method = "GET", headers = {}, body } = {}) {
    const fields = { host: this.#host, ...headers, ...(authorization && { authorization }) };
    return new Promise((resolve, reject) => {
      const sent = request(this.#gateway + path, { method, headers: fields, agent: this.#agent }, (answer) => {
        const parts = [];
        const from = answer.socket.localPort;
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString(), from }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  close() {
    this.#agent.destroy();
  }
}
