"""ASGI middleware that accepts requests from the server's own pages and from programs, and rejects cross-origin ones.

Dagster's GraphQL endpoint executes mutations from the query string or from a body of any content type, so any page in a browser
could send one (CSRF), and DNS rebinding would let it read the response. A rejected request gets a 4xx status and a reason.
This is not authentication: a client that connects to the port without a browser has full access.
"""

import posixpath
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRAPHQL_PATH = "/graphql"
OPERATION_LABEL = re.compile(
    rb"op=\w+"
)  # the UI labels its requests in the address; Dagster reads the body of a POST alone


class GraphQLBody(BaseModel):
    """The body of a GraphQL request; other keys, such as `extensions`, are ignored as Dagster ignores them."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None


_GRAPHQL_BODY = TypeAdapter[object](GraphQLBody)
_JSON_OBJECT = TypeAdapter[object](dict[str, Any])


class SameOriginMiddleware:
    """Accepts HTTP requests and WebSockets that a page of another origin cannot have sent."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """Args: origins: allowed origins, such as `http://127.0.0.1:3000`."""
        self._app = app
        self._origins = sorted(origins)
        self._hosts = {urlsplit(origin).netloc for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or respond with the reason of its rejection."""
        if scope["type"] not in {"http", "websocket"}:
            return await self._app(scope, receive, send)
        try:
            self._check_sender(scope)
            is_graphql = _check_address(scope)
            if scope.get("method") == "POST":
                receive = await _checked_body(scope, receive, _GRAPHQL_BODY if is_graphql else _JSON_OBJECT)
        except HTTPException as rejection:
            answer = PlainTextResponse(f"Refused: {rejection.detail}\n", rejection.status_code)
            return await answer(scope, receive, send)
        return await self._app(scope, receive, send)

    def _check_sender(self, scope: Scope) -> None:
        """Raises: HTTPException: the Host (DNS rebinding) or Origin is not allowed, or it is a cross-site subresource request."""
        headers = Headers(scope=scope)
        expected = (
            f"expected one of {', '.join(self._origins)}. Start the server with `--origin URL` to add another address"
        )
        host, origin = _single(headers, "host"), _single(headers, "origin")
        if host is None or host.lower() not in self._hosts:
            raise HTTPException(403, f"the Host is {host}, {expected}.")
        if origin is not None and origin.lower() not in self._origins:
            raise HTTPException(403, f"the Origin is {origin}, {expected}.")
        # Browsers send no Origin with GET of a subresource, but say where it comes from. Links from elsewhere stay possible.
        is_foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        is_link = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
        if is_foreign and not is_link:
            raise HTTPException(
                403, "a page of another origin loads or frames this address. Open it in a tab of its own."
            )


def _single(headers: Headers, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise HTTPException(400, f"there are {len(values)} headers {name}, expected one.")
    return values[0] if values else None


def _check_address(scope: Scope) -> bool:
    """Returns: the request is for GraphQL. Raises: HTTPException: a variant spelling of its path, or a query string."""
    if posixpath.normpath("/" + unquote(scope["path"]).strip("/")) != GRAPHQL_PATH:
        return False
    spelling = scope["raw_path"].decode("ascii", "replace")
    if spelling != GRAPHQL_PATH:
        raise HTTPException(404, f"the path is {spelling}, expected {GRAPHQL_PATH} in this spelling.")
    is_labelled_post = scope.get("method") == "POST" and OPERATION_LABEL.fullmatch(scope["query_string"])
    if scope["query_string"] and not is_labelled_post:
        raise HTTPException(400, f"{GRAPHQL_PATH} takes no query string. Send the query as the JSON body of a POST.")
    return True


async def _checked_body(scope: Scope, receive: Receive, expected: TypeAdapter[object]) -> Receive:
    """Returns: a `receive` that replays the body. Raises: HTTPException: the body is not JSON of the expected form."""
    content_type = _single(Headers(scope=scope), "content-type")
    # the whole media type: browsers send `text/plain; application/json` to other origins without asking them first
    if content_type is None or content_type.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, f"the Content-Type is {content_type}, expected application/json.")
    body = await Request(scope, receive).body()
    try:
        expected.validate_json(body)
    except ValidationError as error:
        raise HTTPException(400, f"the body is not as expected: {_reasons(error)}.") from None
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _reasons(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
