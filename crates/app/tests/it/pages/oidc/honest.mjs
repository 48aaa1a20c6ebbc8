// A real provider: npm's oidc-provider, on a port of its own.
//
// Its first line on standard output names its issuer. A line of settings on standard input makes it ready.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

// The package warns of what a test wants: short-lived keys, nothing kept, whatever node is there.
console.info = console.warn = () => {};
const installed = new URL("../../../../../../target/browser/node_modules/", import.meta.url);
const { Provider } = await import(new URL("oidc-provider/lib/index.js", installed));

const KINDS = {
  RS256: ["rsa", { modulusLength: 2048 }],
  PS256: ["rsa", { modulusLength: 2048 }],
  ES256: ["ec", { namedCurve: "P-256" }],
  EdDSA: ["ed25519", {}],
};

function key(alg) {
  const { privateKey } = generateKeyPairSync(...KINDS[alg]);
  return { ...privateKey.export({ format: "jwk" }), kid: alg, alg, use: "sig" };
}

function provider(issuer, { redirect_uri, client_secret, method, alg = "RS256", whole_tokens = false }) {
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "claviger",
        ...(client_secret && { client_secret }),
        redirect_uris: [redirect_uri],
        token_endpoint_auth_method: method,
        id_token_signed_response_alg: alg,
      },
    ],
    jwks: { keys: [key(alg)] },
    cookies: { keys: ["a key for the cookies of a test"] },
    claims: { email: ["email", "email_verified"] },
    conformIdTokenClaims: !whole_tokens,
    enabledJWA: { idTokenSigningAlgValues: Object.keys(KINDS) },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    async findAccount(_, id) {
      const claims = { sub: id, email: `${id}@example.com`, email_verified: !id.startsWith("unverified") };
      return { accountId: id, claims: async () => claims };
    },
    // Whoever signs in agrees.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid email");
      await grant.save();
      return grant;
    },
  });
  const callback = made.callback();
  return (request, response) =>
    request.url.startsWith("/interaction/") ? interact(made, request, response) : callback(request, response);
}

async function interact(made, request, response) {
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(
      '<!doctype html><html lang="en"><title>Provider</title><h1>Provider</h1>' +
        '<form method="post"><label>Name <input name="login"></label> <button>Continue</button></form>',
    );
    return;
  }
  let body = "";
  for await (const chunk of request) body += chunk;
  const login = new URLSearchParams(body).get("login");
  const result = login
    ? { login: { accountId: login } }
    : { error: "access_denied", error_description: "They went <b>away</b>" };
  await made.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({ issuer }));
for await (const line of createInterface({ input: process.stdin })) {
  answer = provider(issuer, JSON.parse(line));
  console.log(JSON.stringify({ ready: true }));
}
process.exit();
