"""A web application that uses Authlib."""

import requests
from authlib.integrations.requests_client import OAuth2Session
from given import GIVEN, Callback, tell

metadata = requests.get(GIVEN["metadata"], timeout=30).json()
callback = Callback()
session = OAuth2Session(
    GIVEN["client_id"],
    GIVEN["client_secret"],
    redirect_uri=callback.redirect_uri,
    scope=GIVEN["scope"],
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_basic",
)
verifier = "v" * 64
url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
tell(authorize=url)
answer = callback.wait()
token = session.fetch_token(
    metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
)
first = session.get(GIVEN["resource"], timeout=30)
refreshed = session.refresh_token(metadata["token_endpoint"])
second = session.get(GIVEN["resource"], timeout=30)
about = session.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"])
revoked = session.revoke_token(metadata["revocation_endpoint"], token=refreshed["access_token"])
gone = session.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"])
third = requests.get(
    GIVEN["resource"], headers={"Authorization": f"Bearer {refreshed['access_token']}"}, timeout=30
)

service = OAuth2Session(GIVEN["service_id"], GIVEN["service_secret"], token_endpoint_auth_method="client_secret_post")
own = service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
fourth = service.get(GIVEN["resource"], timeout=30)
tell(
    scope=token["scope"],
    used=[first.status_code, second.status_code, third.status_code, fourth.status_code],
    rotated=token["refresh_token"] != refreshed["refresh_token"],
    active=about.json()["active"],
    revoked=revoked.status_code,
    gone=gone.json(),
    own_refresh="refresh_token" in own,
)
