"""Digest: who is let in, and that whoever tries learns nothing; our own answers to others' challenges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st
from telephony.settings import TelephonySettings
from telephony.sip import Binding, Credentials, GateKeys, InviteWish, RegisterWish, Registration, SipRefused, ha1
from telephony.sip.digest import OFFERED, DigestClient, DigestServer, Verdict
from telephony.sip.messages import Headers, Request, Response
from testkit.waiting import eventually

from .peers import CALLER, Attempt, Line, Stranger, a_line, a_stranger, sdp
from .test_sources import AFlow

REALM = "merkez.example"
HOME = "127.0.0.1"
USERS = {"1000": "right horse"}


async def lookup(user: str, realm: str, algorithm: str) -> str | None:
    password = USERS.get(user)
    return ha1(user, realm, password, algorithm) if password is not None else None


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time


def challenge_of(server: DigestServer, algorithm: str) -> Response:
    challenges = [each for each in server.challenges(HOME) if f"algorithm={algorithm}," in each]
    return Response(401, "Unauthorized", Headers([("www-authenticate", each) for each in challenges]))


def signed(server: DigestServer, user: str, password: str, algorithm: str = "SHA-256") -> Request:
    client = DigestClient(Credentials(user, password))
    assert client.challenged(challenge_of(server, algorithm), set())
    request = Request("REGISTER", "sip:merkez.example", Headers())
    client.sign(request)
    request.flow = Heard()
    return request


class Heard(AFlow):
    """A flow from an address."""

    def __init__(self, host: str = HOME) -> None:
        self.remote: tuple[str, int] = (host, 5060)


async def verdict(server: DigestServer, request: Request) -> Verdict:
    return (await server.check(request, "authorization", lookup))[0]


def test_the_published_example_holds() -> None:
    """RFC 7616 3.9.1."""
    from telephony.sip.digest import _answer

    given = {
        "uri": "/dir/index.html", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "qop": "auth",
    }  # fmt: skip
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        secret = ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm)
        assert _answer(algorithm, secret, "GET", given) == response


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_right_credentials_are_right_and_wrong_ones_wrong(algorithm: str) -> None:
    server = DigestServer(REALM, b"s" * 32, Clock().now)
    assert await verdict(server, signed(server, "1000", "right horse", algorithm)) is Verdict.RIGHT
    assert await verdict(server, signed(server, "1000", "wrong", algorithm)) is Verdict.WRONG
    assert await verdict(server, signed(server, "1001", "right horse", algorithm)) is Verdict.WRONG
    assert await verdict(server, Request("REGISTER", "sip:x", Headers())) is Verdict.MISSING


async def test_sha_256_is_offered_first_and_taken() -> None:
    server = DigestServer(REALM, b"s" * 32, Clock().now)
    first, second = server.challenges(HOME)
    assert "algorithm=SHA-256" in first and "algorithm=MD5" in second
    client = DigestClient(Credentials("1000", "right horse"))
    both = Response(401, "Unauthorized", Headers([("www-authenticate", second), ("www-authenticate", first)]))
    assert client.challenged(both, set())
    request = Request("REGISTER", "sip:x", Headers())
    client.sign(request)
    assert "algorithm=SHA-256" in (request.headers.get("authorization") or "")


async def test_an_answer_by_an_algorithm_that_was_not_offered_is_wrong() -> None:
    both, only = (DigestServer(REALM, b"s" * 32, Clock().now, which) for which in (OFFERED, ("SHA-256",)))
    assert ["SHA-256" in each for each in only.challenges(HOME)] == [True]
    assert await verdict(only, signed(both, "1000", "right horse", "MD5")) is Verdict.WRONG
    assert await verdict(only, signed(both, "1000", "right horse", "SHA-256")) is Verdict.RIGHT


@pytest.mark.parametrize("digests", ["", "SHA-1", "MD5,SHA-512"])
def test_digests_nobody_knows_are_refused_before_the_start(digests: str) -> None:
    assert any("SIP_DIGESTS" in problem for problem in TelephonySettings(sip_digests=digests).wrong())
    assert not list(TelephonySettings(sip_digests="md5").wrong())


async def test_an_answer_counts_once_and_for_a_while() -> None:
    clock = Clock()
    server = DigestServer(REALM, b"s" * 32, clock.now)
    request = signed(server, "1000", "right horse")
    assert await verdict(server, request) is Verdict.RIGHT
    assert await verdict(server, request) is Verdict.STALE
    later = signed(server, "1000", "right horse")
    clock.time += 301
    assert await verdict(server, later) is Verdict.STALE


async def test_an_answer_counts_at_the_node_that_asked_and_another_asks_anew_without_bothering_the_user() -> None:
    clock = Clock()
    node, other = (DigestServer(REALM, secret * 32, clock.now) for secret in (b"s", b"t"))
    request = signed(node, "1000", "right horse")
    assert await verdict(node, request) is Verdict.RIGHT
    assert await verdict(other, request) is Verdict.STALE, "nobody replays there what was said here"
    client = DigestClient(Credentials("1000", "right horse"))
    answered: set[str] = set()
    assert client.challenged(challenge_of(node, "SHA-256"), answered)
    stale = Response(401, "", Headers([("www-authenticate", each) for each in other.challenges(HOME, stale=True)]))
    assert client.challenged(stale, answered)
    again = Request("REGISTER", "sip:merkez.example", Headers())
    client.sign(again)
    again.flow = Heard()
    assert await verdict(other, again) is Verdict.RIGHT


async def test_nobody_can_fail_in_anothers_name() -> None:
    server = DigestServer(REALM, b"s" * 32, Clock().now)
    request = signed(server, "1000", "wrong")
    request.flow = Heard("192.0.2.7")
    assert await verdict(server, request) is Verdict.STALE


@pytest.mark.parametrize("credentials", ["qop=none", "algorithm=SHA-512, qop=auth", "algorithm=SHA-256, qop=auth"])
async def test_credentials_without_a_nonce_of_ours_fail_in_nobodys_name(credentials: str) -> None:
    server = DigestServer(REALM, b"s" * 32, Clock().now)
    forged = f'Digest username="1000", realm="{REALM}", nonce="made up", uri="sip:x", nc=00000001, {credentials}'
    request = Request("REGISTER", "sip:x", Headers([("authorization", f'{forged}, response="00"')]))
    request.flow = Heard()
    assert await verdict(server, request) is Verdict.STALE


async def test_credentials_without_a_nonce_of_ours_cost_no_look_at_the_database() -> None:
    server, other, looked_up = DigestServer("m", b"k" * 32, Clock().now), DigestServer("m", b"x" * 32, Clock().now), []

    async def look(user: str, _realm: str, _algorithm: str) -> str | None:
        looked_up.append(user)
        return None

    for challenger, wanted, looks in ((other, Verdict.STALE, 0), (server, Verdict.WRONG, 1)):
        found = await server.check(signed(challenger, "anna", "guess"), "authorization", look)
        assert found[0] is wanted and len(looked_up) == looks


async def test_a_signature_for_one_request_is_none_for_another() -> None:
    server = DigestServer(REALM, b"s" * 32, Clock().now)
    request = signed(server, "1000", "right horse")
    invite = Request("INVITE", "sip:merkez.example", request.headers)
    invite.flow = Heard()
    assert await verdict(server, invite) is Verdict.WRONG
    other = Request("REGISTER", "sip:900@merkez.example", request.headers)
    other.flow = Heard()
    assert await verdict(server, other) is Verdict.WRONG


@given(st.text(max_size=80))
@example(
    'Digest realm="merkez.example", username="1000", nonce="' + "A" * 40 + '", nc=00000001, qop=auth, response="é"'
)
@example('Digest realm="merkez.example", nonce="é", qop=auth, nc=zz')
@example('Digest realm="merkez.example", qop=auth, algorithm=SHA-256, nc=-1, nonce=""')
async def test_any_credentials_get_a_verdict(text: str) -> None:
    server = DigestServer(REALM, b"s" * 32, Clock().now)
    request = Request("REGISTER", "sip:x", Headers([("authorization", text)]))
    assert await verdict(server, request) in (Verdict.MISSING, Verdict.WRONG, Verdict.STALE)


@given(st.text(max_size=80))
@example("Digest")
@example('Digest realm="a", nonce="b", algorithm=WHO-512')
def test_any_challenge_is_answered_or_not(text: str) -> None:
    client = DigestClient(Credentials("1000", "x"))
    client.challenged(Response(401, "", Headers([("www-authenticate", text)])), set())
    client.sign(Request("INVITE", "sip:x", Headers()))


class House:
    """An agent that challenges, and whom it caught."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, str, str]] = []
        self.wishes: list[RegisterWish] = []
        self.clock = Clock()
        self.keys = GateKeys(REALM, b"s" * 32, lookup, self.clock.now)

    async def register(self, wish: RegisterWish) -> list[Binding]:
        self.wishes.append(wish)
        return [each for each in wish.bindings if each.seconds]


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    yield House()


@pytest_asyncio.fixture
async def guarded(house: House) -> AsyncIterator[Line]:
    async with a_line(
        trusted=lambda _: False, keys=house.keys, on_failure=lambda *what: house.failures.append(what)
    ) as line:
        line.agent.on_register = house.register
        yield line


async def test_a_phone_registers_calls_and_leaves(alice: Line, guarded: Line, house: House) -> None:
    states: list[tuple[bool, int]] = []
    wish = Registration(
        "sip:merkez.example", "sip:1000@merkez.example", Credentials("1000", "right horse"), hop=guarded.place()
    )
    phone = alice.agent.register(wish, lambda registered, status: states.append((registered, status)))
    await eventually(lambda: states == [(True, 200)])
    bound = house.wishes[0]
    assert (bound.user, bound.bindings[0].seconds, bound.reach.port) == ("1000", 600, alice.port())
    assert bound.bindings[0].uri == f"sip:1000@127.0.0.1:{alice.port()}"
    attempt = await alice.call(guarded, credentials=Credentials("1000", "right horse"))
    invitation = await guarded.invitation()
    assert invitation.user == "1000"
    await invitation.answer(sdp("x"))
    await attempt.answered
    await phone.stop()
    assert house.wishes[-1].bindings[0].seconds == 0
    assert house.failures == []


async def test_a_registration_refused_is_tried_again_with_growing_pauses(alice: Line, stranger: Stranger) -> None:
    states: list[tuple[bool, int]] = []
    async with a_stranger(alice) as registrar:
        hop = alice.place().__class__("UDP", "127.0.0.1", registrar.port)
        wish = Registration("sip:r.example", "sip:1@r.example", Credentials("1", "x"), hop=hop, seconds=60)
        phone = alice.agent.register(wish, lambda registered, status: states.append((registered, status)))
        first = await registrar.request("REGISTER")
        registrar.answer(first, 423, "", "Min-Expires: 300")
        again = await registrar.request("REGISTER")
        assert again.headers.get("expires") == "300"
        assert (again.call_id, again.cseq[0]) == (first.call_id, first.cseq[0] + 1)
        registrar.answer(again, 503)
        await eventually(lambda: states[-1:] == [(False, 503)])
        assert phone._next is not None
        await phone.stop()


async def test_credentials_that_are_refused_are_not_shown_for_ever(alice: Line, guarded: Line, house: House) -> None:
    attempt = await alice.call(guarded, credentials=Credentials("1000", "wrong"))
    assert (await attempt.failed).status == 401
    assert house.failures == [("127.0.0.1", "credentials", "1000")]
    assert guarded.invitations == []


async def test_without_keys_a_stranger_is_refused(alice: Line) -> None:
    async with a_line(trusted=lambda _: False) as closed:
        assert (await (await alice.call(closed)).failed).status == 403


async def test_a_barred_source_hears_nothing(alice: Line) -> None:
    async with a_line(barred=lambda host: host == "127.0.0.1") as deaf, a_stranger(deaf) as stranger:
        stranger.say(stranger.message("OPTIONS", "z9hG4bKone"))
        stranger.say(b"junk")
        assert (await alice.agent.options(deaf.uri(), deaf.place(), seconds=0.2)).status == 408
        assert stranger.heard == []


async def test_a_proxys_challenge_is_answered_too(alice: Line) -> None:
    async with a_stranger(alice) as proxy:
        wish = InviteWish(
            f"sip:1@127.0.0.1:{proxy.port}", CALLER, sdp("a"), credentials=Credentials("u", "p"), response_seconds=5
        )
        attempt = Attempt(await alice.agent.invite(wish))
        first = await proxy.request("INVITE")
        proxy.answer(first, 407, "", 'Proxy-Authenticate: Digest realm="p", nonce="n", algorithm=MD5, qop="auth"')
        await proxy.request("ACK")
        again = await proxy.request("INVITE")
        assert 'username="u"' in (again.headers.get("proxy-authorization") or "")
        proxy.answer(again, 407, "", 'Proxy-Authenticate: Digest realm="p", nonce="n2", algorithm=MD5, qop="auth"')
        assert (await attempt.failed).status == 407


def scanned(stranger: Stranger, method: str, user: str, server_nonce: str, branch: str) -> str:
    """What a scanner sends: a guess at a user with a password of its own."""
    uri = f"sip:{user}@127.0.0.1:{stranger.to}" if method != "REGISTER" else f"sip:127.0.0.1:{stranger.to}"
    request = Request(method, uri, Headers())
    client = DigestClient(Credentials(user, "guess"))
    challenge = f'Digest realm="{REALM}", nonce="{server_nonce}", algorithm=SHA-256, qop="auth"'
    client.challenged(Response(401, "", Headers([("www-authenticate", challenge)])), set())
    client.sign(request)
    authorization = request.headers.get("authorization") or ""
    text = stranger.message(method, branch, f"Authorization: {authorization}", call=branch, uri=uri)
    return text.replace(f"<sip:stranger@127.0.0.1:{stranger.port}>;tag", f"<sip:{user}@{REALM}>;tag").replace(
        "<sip:100@", f"<sip:{user}@"
    )


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
@pytest.mark.parametrize("signed", [False, True])
async def test_a_scanner_learns_nothing_from_an_answer(guarded: Line, house: House, method: str, signed: bool) -> None:
    async with a_stranger(guarded) as scanner:
        shapes: set[tuple[object, ...]] = set()
        for number, user in enumerate(["1000", "1001", "nobody", "admin"]):
            nonce = DigestServer(REALM, b"s" * 32, house.clock.now)._nonce(HOME)
            text = scanned(scanner, method, user, nonce, f"z9hG4bK{number}")
            if not signed:
                text = "\r\n".join(line for line in text.split("\r\n") if not line.startswith("Authorization"))
            scanner.say(text)
            answer = await scanner.response(200 if method == "OPTIONS" else 401)
            plain = [(name, "" if name in ("via", "to", "from", "call-id", "www-authenticate") else value)
                     for name, value in answer.headers]  # fmt: skip
            shapes.add((answer.status, answer.reason, answer.body, *plain))
        assert len(shapes) == 1
        assert len(house.failures) == (4 if signed and method != "OPTIONS" else 0)
        assert house.wishes == [] and guarded.invitations == []
        # Nothing is kept and nothing repeated for who didn't prove anything.
        assert guarded.agent.load == 0


async def test_a_caller_who_gives_up_while_being_identified_is_never_announced(house: House) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(user: str, realm: str, algorithm: str) -> str | None:
        asked.set()
        await go.wait()
        return await lookup(user, realm, algorithm)

    keys = GateKeys(REALM, b"s" * 32, slow, house.clock.now)
    async with a_line(trusted=lambda _: False, keys=keys) as guarded, a_stranger(guarded) as caller:
        uri = f"sip:100@127.0.0.1:{caller.to}"
        client, invite = DigestClient(Credentials("1000", "right horse")), Request("INVITE", uri, Headers())
        client.challenged(challenge_of(DigestServer(REALM, b"s" * 32, house.clock.now), "SHA-256"), set())
        client.sign(invite)
        caller.say(caller.invite("z9hG4bKone", f"Authorization: {invite.headers.get('authorization')}"))
        await asked.wait()
        caller.say(caller.message("CANCEL", "z9hG4bKone"))
        await caller.response(200)
        await caller.response(487)
        go.set()
        caller.say(caller.message("OPTIONS", "z9hG4bKend", call="end"))
        await caller.response(200)
        assert guarded.invitations == []


async def test_an_unknown_user_costs_the_same_steps_as_a_known_one() -> None:
    """Counted, not timed: the same lookups and the same hashes."""
    import telephony.sip.digest as digest

    server = DigestServer(REALM, b"s" * 32, Clock().now)
    steps: list[str] = []
    whole = digest._hash
    counts: dict[str, int] = {}
    for user in ("1000", "nobody"):
        request = signed(server, user, "guess")
        steps.clear()
        digest._hash = lambda algorithm, text: steps.append(algorithm) or whole(algorithm, text)
        try:
            known = None if user == "nobody" else whole("SHA-256", "x")

            async def look(*_: str, known: str | None = known) -> str | None:
                return known

            assert (await server.check(request, "authorization", look))[0] is Verdict.WRONG
        finally:
            digest._hash = whole
        counts[user] = len(steps)
    assert counts["1000"] == counts["nobody"] > 0


@pytest.mark.parametrize(
    ("lines", "status", "bindings"),
    [
        (["Contact: <sip:p@192.0.2.1>;expires=120"], 200, [("sip:p@192.0.2.1", 120)]),
        (["Contact: <sip:p@192.0.2.1>", "Expires: 99999"], 200, [("sip:p@192.0.2.1", 3600)]),
        (["Contact: sip:p@192.0.2.1", "Expires: junk"], 200, [("sip:p@192.0.2.1", 3600)]),
        (["Contact: <sip:p@192.0.2.1>;expires=5"], 423, None),
        (["Contact: *", "Expires: 0"], 200, []),
        (["Contact: *", "Expires: 60"], 400, None),
        (["Contact: *, <sip:p@192.0.2.1>", "Expires: 0"], 400, None),
        (["Contact: <isbn:123>"], 416, None),
        ([], 200, []),
    ],
)
async def test_what_a_phone_asks_of_the_registrar(
    guarded: Line, house: House, lines: list[str], status: int, bindings: list[tuple[str, int]] | None
) -> None:
    async with a_stranger(guarded) as phone:
        uri = f"sip:127.0.0.1:{guarded.port()}"
        request = Request("REGISTER", uri, Headers())
        client = DigestClient(Credentials("1000", "right horse"))
        client.challenged(challenge_of(DigestServer(REALM, b"s" * 32, house.clock.now), "SHA-256"), set())
        client.sign(request)
        text = phone.message("REGISTER", "z9hG4bKone", uri=uri).replace("<sip:100@", "<sip:1000@")
        text = text.replace(f"Contact: <sip:stranger@127.0.0.1:{phone.port}>\r\n", "")
        more = [f"Authorization: {request.headers.get('authorization')}", *lines]
        phone.say(text.replace("Content-Length", "\r\n".join([*more, "Content-Length"])))
        await phone.response(status)
        found = [(each.uri, each.seconds) for each in house.wishes[0].bindings] if house.wishes else None
        assert found == bindings
        assert bindings != [] or house.wishes[0].remove_all == bool(lines)


async def test_a_user_may_register_only_as_himself(guarded: Line, house: House, alice: Line) -> None:
    states: list[int] = []
    wish = Registration(
        "sip:merkez.example", "sip:1001@merkez.example", Credentials("1000", "right horse"), hop=guarded.place()
    )
    phone = alice.agent.register(wish, lambda _, status: states.append(status))
    await eventually(lambda: states == [403])
    await phone.stop()
    assert house.wishes == []


async def test_the_registrar_may_refuse(guarded: Line, alice: Line) -> None:
    async def no(_: RegisterWish) -> list[Binding]:
        raise SipRefused(503, "Later", 5)

    guarded.agent.on_register = no
    states: list[int] = []
    wish = Registration(
        "sip:merkez.example", "sip:1000@merkez.example", Credentials("1000", "right horse"), hop=guarded.place()
    )
    phone = alice.agent.register(wish, lambda _, status: states.append(status))
    await eventually(lambda: states == [503])
    await asyncio.wait_for(phone.stop(), 30)
