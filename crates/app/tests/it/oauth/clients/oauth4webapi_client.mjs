// A web application that uses oauth4webapi.

import { asked, callback, given, library, tell } from "./given.mjs";

const oauth = await library("oauth4webapi");
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(given.issuer);
const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure });
const server = await oauth.processDiscoveryResponse(issuer, discovered);
const client = { client_id: given.client_id };
const auth = oauth.ClientSecretPost(given.client_secret);
const back = await callback();
const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const url = new URL(server.authorization_endpoint);
for (const [name, value] of Object.entries({
  client_id: client.client_id,
  redirect_uri: back.redirectUri,
  response_type: "code",
  scope: given.scope,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
}))
  url.searchParams.set(name, value);
tell({ authorize: url.href });
// The issuer in the answer is compared too (RFC 9207).
const parameters = oauth.validateAuthResponse(server, client, await back.comes, state);
const grant = await oauth.authorizationCodeGrantRequest(
  server,
  client,
  auth,
  parameters,
  back.redirectUri,
  verifier,
  insecure,
);
const token = await oauth.processAuthorizationCodeResponse(server, client, grant);
const first = await asked(token.access_token);
const refreshing = await oauth.refreshTokenGrantRequest(server, client, auth, token.refresh_token, insecure);
const refreshed = await oauth.processRefreshTokenResponse(server, client, refreshing);
const second = await asked(refreshed.access_token);
const introspect = async () =>
  oauth.processIntrospectionResponse(
    server,
    client,
    await oauth.introspectionRequest(server, client, auth, refreshed.access_token, insecure),
  );
const about = await introspect();
const revocation = await oauth.revocationRequest(server, client, auth, refreshed.access_token, insecure);
await oauth.processRevocationResponse(revocation);
const gone = await introspect();
const third = await asked(refreshed.access_token);
const service = { client_id: given.service_id };
const own = await oauth.processClientCredentialsResponse(
  server,
  service,
  await oauth.clientCredentialsGrantRequest(server, service, oauth.ClientSecretBasic(given.service_secret), {}, insecure),
);
const fourth = await asked(own.access_token);
tell({
  scope: token.scope,
  used: [first, second, third, fourth],
  rotated: token.refresh_token !== refreshed.refresh_token,
  active: about.active,
  revoked: revocation.status,
  gone,
  own_refresh: "refresh_token" in own,
});
back.close();
