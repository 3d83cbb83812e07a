"""A BPO over the public API, as a partner's program would run one: sign-up, set-up, people hired.

Talks only to the gateway. What a person does in the browser is in the browser tests; here the same is done in
milliseconds, for tests of what happens to calls.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

PASSWORD = "correct horse battery staple"

Json = dict[str, Any]


class Problem(Exception):
    """An RFC 9457 answer: `status`, `reason`, and the whole `body`."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('reason', '')}: {body.get('detail', '')}")
        self.status = status
        self.reason = str(body.get("reason", ""))
        self.body = body


class Api:
    """One principal at the REST edge. Every verb returns the decoded JSON or raises `Problem`."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.AsyncClient(base_url=url, headers=headers, timeout=20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self.http.aclose()

    async def get(self, path: str, **query: Any) -> Json:
        """GET with query parameters."""
        return _decoded(await self.http.get(path, params=query))

    async def post(self, path: str, body: Json | None = None) -> Json:
        """POST with a JSON body."""
        return _decoded(await self.http.post(path, json=body or {}))

    async def patch(self, path: str, body: Json) -> Json:
        """PATCH with a JSON body."""
        return _decoded(await self.http.patch(path, json=body))

    async def delete(self, path: str) -> Json:
        """DELETE."""
        return _decoded(await self.http.delete(path))


def request_id() -> str:
    """A fresh idempotency key."""
    return secrets.token_hex(12)


@dataclass
class Company:
    """A tenant that was signed up, with what its set-up made."""

    url: str
    owner: Api
    tenant_id: str
    email: str
    brand: Json = field(default_factory=dict)
    queue: Json = field(default_factory=dict)
    flow: Json = field(default_factory=dict)
    number: Json = field(default_factory=dict)
    people: list[Api] = field(default_factory=list)

    @classmethod
    async def sign_up(cls, url: str, *, plan: str = "", language: str = "en", time_zone: str = "UTC") -> Self:
        """Signs a new BPO up on `plan`, the cheapest when it is empty."""
        async with Api(url) as stranger:
            plans = (await stranger.get("/v1/plans"))["plans"]
            email = f"owner-{secrets.token_hex(6)}@example.com"
            made = await stranger.post(
                "/v1/tenants:signUp",
                {
                    "requestId": request_id(),
                    "planId": plan or plans[0]["planId"],
                    "companyName": f"Test BPO {secrets.token_hex(3)}",
                    "ownerName": "Olivia Owner",
                    "email": email,
                    "password": PASSWORD,
                    "language": language,
                    "timeZone": time_zone,
                },
            )
        owner = Api(url, made["session"]["accessToken"])
        return cls(url, owner, made["tenant"]["tenantId"], email, people=[owner])

    async def set_up(
        self, *, template: str = "greeting_menu_queue", language: str = "en", queue: Json | None = None
    ) -> Self:
        """Brand, queue, published flow and number, as the guided set-up makes them."""
        owner = self.owner
        brand = {"displayName": "Acme Travel", "language": language, "timeZone": "UTC"}
        self.brand = await owner.post("/v1/brands", {"requestId": request_id(), "brand": brand})
        rules = {"displayName": "Front desk", "openToAll": True} | (queue or {})
        self.queue = await owner.post("/v1/queues", {"requestId": request_id(), "queue": rules})
        parameters = {"queue_id": self.queue["queueId"], "brand_name": "Acme Travel"}
        self.flow = await owner.post(
            "/v1/flows",
            {
                "requestId": request_id(),
                "flow": {"displayName": "Main line"},
                "templateId": template,
                "parameters": parameters,
                "publish": True,
            },
        )
        await self.take_number()
        return self

    async def take_number(self) -> None:
        """Takes the first free number and points it at the flow."""
        free = (await self.owner.get("/v1/numbers:available", pageSize=20))["numbers"]
        for candidate in free:
            try:
                self.number = await self.owner.post(
                    "/v1/numbers",
                    {
                        "requestId": request_id(),
                        "number": candidate["number"],
                        "brandId": self.brand["brandId"],
                        "flowId": self.flow["flowId"],
                    },
                )
            except Problem as problem:  # somebody else's test was faster
                if problem.reason != "NUMBER_TAKEN":
                    raise
            else:
                self.brand = await self.owner.get(f"/v1/brands/{self.brand['brandId']}")
                return
        raise AssertionError("no free number is left in the inventory")

    async def publish(self, definition: Json) -> None:
        """Replaces the flow's draft by `definition` and publishes it."""
        flow_id = self.flow["flowId"]
        await self.owner.patch(
            f"/v1/flows/{flow_id}", {"flow": {"flowId": flow_id, "draft": definition}, "updateMask": "draft"}
        )
        await self.owner.post(f"/v1/flows/{flow_id}:publish", {"requestId": request_id(), "flowId": flow_id})

    async def subscribe(self, plan: str) -> None:
        """Moves to another plan."""
        await self.owner.post("/v1/tenant:changePlan", {"requestId": request_id(), "planId": plan})

    async def invite(self, email: str, role: str = "AGENT", name: str = "Alex Agent") -> str:
        """Invites somebody; returns the path of their link."""
        made = await self.owner.post(
            "/v1/invitations",
            {
                "requestId": request_id(),
                "invitation": {"email": email, "displayName": name, "role": f"ROLE_{role}"},
            },
        )
        return made["linkPath"]

    async def hire(self, role: str = "AGENT", name: str = "Alex Agent") -> Api:
        """Invites somebody and accepts the invitation for them; returns them signed in."""
        link = await self.invite(f"{role.lower()}-{secrets.token_hex(6)}@example.com", role, name)
        async with Api(self.url) as stranger:
            session = await stranger.post(
                "/v1/invitations:accept",
                {"secret": link.rsplit("/", 1)[1], "displayName": name, "password": PASSWORD},
            )
        person = Api(self.url, session["accessToken"])
        self.people.append(person)
        return person

    async def close(self) -> None:
        """Closes everybody's connections."""
        for person in self.people:
            await person.close()


def _decoded(answer: httpx.Response) -> Json:
    kind = answer.headers.get("content-type", "")
    body: Json = answer.json() if "json" in kind else {"detail": answer.text[:200]}
    if answer.status_code >= 400:
        raise Problem(answer.status_code, body)
    return body
