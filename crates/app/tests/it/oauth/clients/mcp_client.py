"""A program that knows an api's address and nothing else: it finds the authorization server and registers itself."""

import asyncio
from urllib.parse import parse_qs, urlparse

import httpx2
from given import GIVEN, Callback, tell
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata


class Storage:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


async def main():
    callback, storage = Callback(), Storage()

    async def redirect(url):
        tell(authorize=url)

    async def came_back():
        answer = parse_qs(urlparse(await asyncio.to_thread(callback.wait)).query)
        return AuthorizationCodeResult(
            code=answer["code"][0], state=answer["state"][0], iss=answer.get("iss", [None])[0]
        )

    provider = OAuthClientProvider(
        server_url=GIVEN["resource"],
        client_metadata=OAuthClientMetadata(
            client_name="A program that registered itself", redirect_uris=[callback.redirect_uri]
        ),
        storage=storage,
        redirect_handler=redirect,
        callback_handler=came_back,
    )
    async with httpx2.AsyncClient(auth=provider, timeout=150) as client:
        first = await client.get(GIVEN["resource"])
        second = await client.get(GIVEN["resource"])
    tell(
        used=[first.status_code, second.status_code],
        registered=storage.client.client_id.startswith("app_"),
        refresh=storage.tokens.refresh_token is not None,
    )


asyncio.run(main())
