// A web application that uses openid-client.

import { asked, callback, given, library, tell } from "./given.mjs";

const client = await library("openid-client");
const options = { algorithm: "oauth2", execute: [client.allowInsecureRequests] };
const discover = (id, secret) =>
  client.discovery(new URL(given.issuer), id, secret, client.ClientSecretBasic(secret), options);
const config = await discover(given.client_id, given.client_secret);
const back = await callback();
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: back.redirectUri,
  scope: given.scope,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
});
tell({ authorize: url.href });
const token = await client.authorizationCodeGrant(config, await back.comes, {
  pkceCodeVerifier: verifier,
  expectedState: state,
});
const first = await asked(token.access_token);
const refreshed = await client.refreshTokenGrant(config, token.refresh_token);
const second = await asked(refreshed.access_token);
const about = await client.tokenIntrospection(config, refreshed.access_token);
await client.tokenRevocation(config, refreshed.access_token);
const gone = await client.tokenIntrospection(config, refreshed.access_token);
const third = await asked(refreshed.access_token);
const service = await discover(given.service_id, given.service_secret);
const own = await client.clientCredentialsGrant(service);
const fourth = await asked(own.access_token);
tell({
  scope: token.scope,
  used: [first, second, third, fourth],
  rotated: token.refresh_token !== refreshed.refresh_token,
  active: about.active,
  revoked: 200,
  gone,
  own_refresh: "refresh_token" in own,
});
back.close();
