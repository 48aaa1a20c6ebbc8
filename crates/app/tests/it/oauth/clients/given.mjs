// What a program is given, and what it tells: lines of JSON on standard input and output.

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createRequire } from "node:module";

export const given = JSON.parse(await text(process.stdin));

const require = createRequire(new URL("../../../../../../target/oauth/", import.meta.url));
export const library = (name) => import(require.resolve(name));

export const tell = (what) => console.log(JSON.stringify(what));

/** A native application's own address, which the browser is sent back to. */
export async function callback() {
  let came;
  const comes = new Promise((resolve) => (came = resolve));
  const server = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end("<!doctype html><html lang=en><title>Done</title><p>Back at the application</p>");
    if (request.url.startsWith("/callback")) came(new URL(request.url, origin));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { redirectUri: `${origin}/callback`, comes, close: () => server.close() };
}

export const asked = (token) =>
  fetch(given.resource, { headers: { Authorization: `Bearer ${token}` } }).then((answer) => answer.status);
