"""Manages keys with the published codat-platform SDK and prints, as JSON, what it saw.

Takes the API's address as its argument and the client's first key from CODAT_API_KEY.
"""

import base64
import datetime
import json
import os
import sys

import codatplatform
from codatplatform.models import operations, shared


def sdk_with(key):
    header = "Basic " + base64.b64encode(key.encode()).decode()
    return codatplatform.CodatPlatform(
        security=shared.Security(auth_header=header), server_url=sys.argv[1]
    ).settings


def created(answer):
    details = answer.api_key_details
    return {"status": answer.status_code, "name": details.name, "key": details.api_key}


def refused(answer):
    message = answer.error_message
    return {
        "status": answer.status_code,
        "error": message.error,
        "service": message.service,
        "correlation_id": message.correlation_id,
    }


def delete(settings, key_id):
    return settings.delete_api_key(operations.DeleteAPIKeyRequest(api_key_id=key_id))


settings = sdk_with(os.environ["CODAT_API_KEY"])
seen = {}

listed = settings.list_api_keys()
first = listed.api_keys.results[0]
seen["listed"] = {
    "status": listed.status_code,
    "keys": [{"name": key.name, "key": key.api_key} for key in listed.api_keys.results],
}

made = [settings.create_api_key(shared.CreateAPIKey(name="From an SDK"))]
settings = sdk_with(made[0].api_key_details.api_key)
made += [settings.create_api_key(shared.CreateAPIKey()) for _ in range(8)]
seen["created"] = [created(answer) for answer in made]
instant = datetime.datetime.strptime(made[0].api_key_details.created_date, "%Y-%m-%dT%H:%M:%SZ")
seen["created_at_is_an_instant"] = instant.year >= 2025
seen["listed_with_the_new_key"] = len(settings.list_api_keys().api_keys.results)

settings = sdk_with(first.api_key)
seen["eleventh"] = refused(settings.create_api_key(shared.CreateAPIKey(name="Eleventh")))
seen["too_long"] = refused(settings.create_api_key(shared.CreateAPIKey(name="x" * 51)))

seen["deleted"] = [delete(settings, key.api_key_details.id).status_code for key in made]
seen["deleted_twice"] = refused(delete(settings, made[0].api_key_details.id))
# The SDK knows no error object for this status: it passes the answer on.
seen["last"] = delete(settings, first.id).status_code
seen["with_a_deleted_key"] = refused(sdk_with(made[0].api_key_details.api_key).list_api_keys())

print(json.dumps(seen))
