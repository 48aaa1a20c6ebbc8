// Manages keys with the published @codat/common SDK and prints, as JSON, what it saw.
//
// Takes the API's address as its argument and the client's first key from CODAT_API_KEY. The SDK is found from the
// working directory.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "index.js"));
const { CodatCommon } = require("@codat/common");

const [serverURL] = process.argv.slice(2);

function sdkWith(key) {
  const authHeader = "Basic " + Buffer.from(key).toString("base64");
  return new CodatCommon({ security: { authHeader }, serverURL }).settings;
}

function created({ statusCode, apiKeyDetails }) {
  return { status: statusCode, name: apiKeyDetails.name, key: apiKeyDetails.apiKey };
}

function refused({ statusCode, errorMessage }) {
  const { error, service, correlationId } = errorMessage;
  return { status: statusCode, error, service, correlation_id: correlationId };
}

let settings = sdkWith(process.env.CODAT_API_KEY);
const seen = {};

const listed = await settings.listApiKeys();
const [first] = listed.apiKeys.results;
seen.listed = {
  status: listed.statusCode,
  keys: listed.apiKeys.results.map(({ name, apiKey }) => ({ name, key: apiKey })),
};

const made = [await settings.createApiKey({ name: "From an SDK" })];
settings = sdkWith(made[0].apiKeyDetails.apiKey);
for (let count = 0; count < 8; count++) {
  made.push(await settings.createApiKey({}));
}
seen.created = made.map(created);
const { createdDate } = made[0].apiKeyDetails;
seen.created_at_is_an_instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(createdDate);
seen.listed_with_the_new_key = (await settings.listApiKeys()).apiKeys.results.length;

settings = sdkWith(first.apiKey);
seen.eleventh = refused(await settings.createApiKey({ name: "Eleventh" }));
seen.too_long = refused(await settings.createApiKey({ name: "x".repeat(51) }));

seen.deleted = [];
for (const { apiKeyDetails } of made) {
  seen.deleted.push((await settings.deleteApiKey({ apiKeyId: apiKeyDetails.id })).statusCode);
}
seen.deleted_twice = refused(await settings.deleteApiKey({ apiKeyId: made[0].apiKeyDetails.id }));
// The SDK knows no error object for this status: it passes the answer on.
seen.last = (await settings.deleteApiKey({ apiKeyId: first.id })).statusCode;
seen.with_a_deleted_key = refused(await sdkWith(made[0].apiKeyDetails.apiKey).listApiKeys());

console.log(JSON.stringify(seen));
