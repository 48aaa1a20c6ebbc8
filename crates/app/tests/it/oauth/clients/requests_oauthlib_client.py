"""A web application that uses requests-oauthlib."""

import os

import requests
from given import GIVEN, Callback, tell
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

# The library wants TLS even on this machine.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

metadata = requests.get(GIVEN["metadata"], timeout=30).json()
callback = Callback()
client = HTTPBasicAuth(GIVEN["client_id"], GIVEN["client_secret"])
session = OAuth2Session(
    GIVEN["client_id"], redirect_uri=callback.redirect_uri, scope=GIVEN["scope"].split(" "), pkce="S256"
)
url, _ = session.authorization_url(metadata["authorization_endpoint"])
tell(authorize=url)
answer = callback.wait()
token = session.fetch_token(metadata["token_endpoint"], authorization_response=answer, auth=client)
first = session.get(GIVEN["resource"], timeout=30)
refreshed = session.refresh_token(metadata["token_endpoint"], auth=client)
second = session.get(GIVEN["resource"], timeout=30)


def ask(endpoint):
    form = {"token": refreshed["access_token"], "token_type_hint": "access_token"}
    return requests.post(metadata[endpoint], data=form, auth=client, timeout=30)


about = ask("introspection_endpoint")
revoked = ask("revocation_endpoint")
gone = ask("introspection_endpoint")
third = requests.get(
    GIVEN["resource"], headers={"Authorization": f"Bearer {refreshed['access_token']}"}, timeout=30
)

service = OAuth2Session(client=BackendApplicationClient(client_id=GIVEN["service_id"]))
own = service.fetch_token(
    metadata["token_endpoint"], auth=HTTPBasicAuth(GIVEN["service_id"], GIVEN["service_secret"])
)
fourth = service.get(GIVEN["resource"], timeout=30)
tell(
    scope=" ".join(token["scope"]),
    used=[first.status_code, second.status_code, third.status_code, fourth.status_code],
    rotated=token["refresh_token"] != refreshed["refresh_token"],
    active=about.json()["active"],
    revoked=revoked.status_code,
    gone=gone.json(),
    own_refresh="refresh_token" in own,
)
