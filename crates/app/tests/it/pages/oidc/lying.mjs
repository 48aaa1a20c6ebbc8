// A provider that lies as it is told to, one line of JSON on standard input after another.
//
// Its first line on standard output names its issuer; each lie is answered with what it was asked since.

import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const [own, other] = [1, 2].map(() => generateKeyPairSync("rsa", { modulusLength: 2048 }));
const jwk = { ...own.publicKey.export({ format: "jwk" }), kid: "own", use: "sig", alg: "RS256" };
const asked = [];
let lie = {};

const base64url = (value) => Buffer.from(value).toString("base64url");

const SIGNATURES = {
  own: (message) => sign("sha256", message, own.privateKey),
  other: (message) => sign("sha256", message, other.privateKey),
  none: () => "",
  // What a verifier takes that trusts the token's header: the public key as a shared secret.
  hmac: (message) =>
    createHmac("sha256", own.publicKey.export({ format: "pem", type: "spki" })).update(message).digest(),
};

function without(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function idToken(issuer) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: "248",
    aud: "claviger",
    exp: now + 300,
    iat: now,
    email: "ada@example.com",
    email_verified: true,
    ...lie.claims,
  };
  for (const [claim, seconds] of Object.entries(lie.times ?? {})) claims[claim] = now + seconds;
  const header = { alg: "RS256", kid: "own", ...lie.header };
  const message = [header, claims].map((part) => base64url(JSON.stringify(without(part)))).join(".");
  return `${message}.${base64url(SIGNATURES[lie.signature ?? "own"](message))}`;
}

const PLACES = {
  "/.well-known/openid-configuration": (issuer) => ({
    issuer,
    authorization_endpoint: `${issuer}/auth?tenant=a`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    userinfo_endpoint: `${issuer}/userinfo`,
    ...lie.metadata,
  }),
  "/keys": () => ({ keys: [{ kty: "unheard-of" }, jwk] }),
  "/token": (issuer) => ({ access_token: "a", token_type: "Bearer", id_token: idToken(issuer) }),
  "/userinfo": () => ({ sub: "248", email: "ada@example.com", email_verified: true, ...lie.userinfo }),
};

function answer(request, response) {
  const place = request.url.split("?")[0];
  asked.push(place);
  const how = lie.at === place ? lie.how : "well";
  if (how === "never") return;
  if (how === "refused") {
    response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_grant"}');
  } else if (how === "broken") {
    response.writeHead(500).end();
  } else if (how === "redirected") {
    response.writeHead(302, { location: `${issuer}/elsewhere` }).end();
  } else if (how === "huge") {
    response.end(JSON.stringify({ ...PLACES[place](issuer), padding: "x".repeat(300 * 1024) }));
  } else if (PLACES[place]) {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(PLACES[place](issuer)));
  } else {
    response.writeHead(404).end();
  }
}

const server = createServer(answer);
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({ issuer }));
for await (const line of createInterface({ input: process.stdin })) {
  lie = JSON.parse(line);
  console.log(JSON.stringify({ asked: asked.splice(0) }));
}
process.exit();
