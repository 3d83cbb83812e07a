"""What is SIP and what isn't: messages as hard as RFC 4475 makes them, written anew from the rules, and random ones."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from telephony.sip.errors import SipParseError
from telephony.sip.fields import Replaces, parse_reasons, parse_scheme_parameters, parse_session_expires
from telephony.sip.messages import Headers, Request, Response
from telephony.sip.parsing import parse
from telephony.sip.uris import NameAddr, SipUri, parse_address, parse_uri

from .peers import wire

GOOD = """OPTIONS sip:user@example.com SIP/2.0
Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw
Max-Forwards: 70
From: sip:caller@example.org;tag=33242
To: <sip:user@example.com>
Call-ID: good.0ha0isndaksdj
CSeq: 8 OPTIONS
Content-Length: 0

"""


def changed(line: str, into: str) -> bytes:
    """The good message with one line changed."""
    assert line in GOOD
    return wire(GOOD.replace(line, into))


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_a_message_with_every_freedom_of_the_grammar_is_understood() -> None:
    message = request(
        wire(
            """INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 5
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
"""
        )
    )
    assert message.to.tag == "1918181833n"
    assert (message.from_.display, message.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert message.cseq == (9, "INVITE")
    assert (message.via.transport, message.via.host, message.via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    assert len(message.headers.lines("via")) == 3
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.contact is not None and message.contact.display == 'Quoted string ""'
    assert message.contact.parameters == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.body == b"v=0\r\n"


def test_methods_and_users_may_use_every_character_the_grammar_has() -> None:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    user = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    message = request(
        wire(GOOD.replace("OPTIONS", method).replace("sip:user@example.com SIP", f"sip:{user}@example.com SIP"))
    )
    assert message.method == method
    assert parse_uri(message.uri).user == user


def test_escaped_characters_stay_what_they_are() -> None:
    message = request(changed("sip:user@example.com SIP", "sip:sips%3Auser%40example.com@example.net SIP"))
    uri = parse_uri(message.uri)
    assert (uri.user, uri.plain_user, uri.host) == ("sips%3Auser%40example.com", "sips:user@example.com", "example.net")
    assert parse_uri("sip:null-%00-null@example.com").plain_user == "null--null"
    assert request(wire(GOOD.replace("OPTIONS", "RE%47IST%45R"))).method == "RE%47IST%45R"


def test_parameters_inside_the_user_are_the_users() -> None:
    uri = parse_uri("sip:user;par=u%40example.net@example.com;transport=tcp")
    assert (uri.user, uri.host, uri.transport) == ("user;par=u%40example.net", "example.com", "TCP")
    assert uri.plain_user == "user"


def test_no_space_is_needed_between_name_and_address() -> None:
    assert parse_address("caller<sip:caller@example.com>;tag=323").display == "caller"


def test_a_long_message_is_read_to_its_end() -> None:
    lines = "".join(f"Via: SIP/2.0/TCP host{n}.example.com;branch=z9hG4bK{n}\n" for n in range(60))
    tag = "9" * 200
    message = request(wire(GOOD.replace("Max-Forwards", lines + "Max-Forwards").replace("33242", tag)))
    assert len(message.headers.lines("via")) == 61
    assert message.from_.tag == tag


def test_bytes_after_the_body_are_not_of_the_message() -> None:
    assert request(wire(GOOD) + b"INVITE sip:other@example.com SIP/2.0\r\n\r\n").body == b""


def test_a_reason_phrase_may_be_any_text_or_none() -> None:
    head = GOOD.split("\n", 1)[1]
    for line, reason in (("200 = 2**3 * 5**2 но сто", "= 2**3 * 5**2 но сто"), ("100 ", ""), ("100", "")):
        message = parse(wire(f"SIP/2.0 {line}\n{head}"))
        assert isinstance(message, Response) and message.reason == reason


def test_old_devices_write_latin_1() -> None:
    data = GOOD.replace("From: sip:caller@example.org", 'From: "Jörg" <sip:j@example.org>').encode("latin-1")
    assert request(data.replace(b"\n", b"\r\n")).from_.display == "Jörg"


@pytest.mark.parametrize(
    "line",
    [
        "From: sip:caller@example.org;tag=33242;;,;,,",
        'From: "Bell, Alexander <sip:a.g.bell@bell-tel.example>;tag=43',
        "From: Bell, Alexander sip:a.g.bell@bell-tel.example;tag=43",
        "From: sip:caller@example.org?Route=%3Csip:sip.example.com%3E;tag=33242",
        "From: <sip:caller@example.org;tag=33242",
        "From: <sip:call er@example.org>;tag=33242",
        "From: ",
        "X-Control: \x00",
        "X-Bell: \x07",
        "no colon",
        "bad name: x",
        "To: <sip:second@example.com>",
        "Call-ID: second",
        "CSeq: 9 OPTIONS",
        "Content-Length: 0",
        "Via: ,",
    ],
)
def test_a_malformed_field_is_a_bad_request(line: str) -> None:
    sender = "From: sip:caller@example.org;tag=33242"
    data = changed(sender, line if line.startswith("From") else f"{sender}\n{line}")
    with pytest.raises(SipParseError) as refused:
        parse(data)
    assert refused.value.status == 400
    assert refused.value.partial is None or refused.value.partial.method == "OPTIONS"


@pytest.mark.parametrize(
    ("line", "into"),
    [
        ("Content-Length: 0", "Content-Length: 9999"),
        ("Content-Length: 0", "Content-Length: -999"),
        ("Content-Length: 0", "Content-Length: 1e1"),
        ("CSeq: 8 OPTIONS", "CSeq: 36893488147419103232 OPTIONS"),
        ("CSeq: 8 OPTIONS", "CSeq: 8 NEWMETHOD"),
        ("CSeq: 8 OPTIONS", "CSeq: OPTIONS"),
        ("Max-Forwards: 70", "Max-Forwards: 300"),
        ("OPTIONS sip:user@example.com SIP/2.0", "OPTIONS <sip:user@example.com> SIP/2.0"),
        ("OPTIONS sip:user@example.com SIP/2.0", "OPTIONS sip:user@example.com; lr SIP/2.0"),
        ("OPTIONS sip:user@example.com SIP/2.0", "OPTIONS  sip:user@example.com  SIP/2.0"),
        ("OPTIONS sip:user@example.com SIP/2.0", "OPTIONS sip:user@example.com SIP/2.0 "),
        ("OPTIONS sip:user@example.com SIP/2.0", " OPTIONS sip:user@example.com SIP/2.0"),
        ("OPTIONS sip:user@example.com SIP/2.0", "OPTIONS sip:us@er@example.com SIP/2.0"),
        ("Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw\n", ""),
        ("Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw", "Via: SIP/2.0/UDP"),
        ("Via: SIP/2.0/UDP host.example.com;branch", "Via: SIP/2.0/UDP host.example.com:99999;branch"),
        ("branch=z9hG4bKkdjuw", "branch=z9hG4bKx;branch=z9hG4bKy"),
        ("Call-ID: good.0ha0isndaksdj\n", ""),
        ("To: <sip:user@example.com>\n", ""),
    ],
)
def test_a_malformed_request_is_refused(line: str, into: str) -> None:
    with pytest.raises(SipParseError) as refused:
        parse(changed(line, into))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("line", "into", "status"),
    [
        ("SIP/2.0\nVia", "SIP/7.0\nVia", 505),
        ("OPTIONS sip:user@example.com", "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent", 416),
        ("OPTIONS sip:user@example.com", "OPTIONS soap.beep://192.0.2.103:3002", 416),
    ],
)
def test_what_is_well_formed_but_not_ours_says_so(line: str, into: str, status: int) -> None:
    with pytest.raises(SipParseError) as refused:
        parse(changed(line, into))
    assert refused.value.status == status
    assert refused.value.partial is not None and refused.value.partial.call_id == "good.0ha0isndaksdj"


def test_unknown_schemes_are_fine_where_nothing_is_sent_to() -> None:
    message = request(changed("To: <sip:user@example.com>", "To: <isbn:2983792873>"))
    assert message.to.uri == "isbn:2983792873"


@pytest.mark.parametrize("code", ["4294967301", "099", "700", "2OO", "20"])
def test_a_response_with_an_impossible_status_is_dropped(code: str) -> None:
    with pytest.raises(SipParseError) as refused:
        parse(wire(f"SIP/2.0 {code} better not break\n" + GOOD.split("\n", 1)[1]))
    assert refused.value.partial is None


def test_what_is_too_much_is_refused_before_it_is_taken_apart() -> None:
    for data in (
        b"a" * 70_000,
        wire(GOOD.replace("Max-Forwards", "X: y\n" * 300 + "Max-Forwards")),
        wire(GOOD.replace("Max-Forwards", "X: " + "y" * 9000 + "\nMax-Forwards")),
        wire(GOOD.replace("33242", "9" * 300)),
        wire(GOOD.replace("good.0ha", "x" * 300)),
        wire(GOOD.replace("tag=33242", ";".join(f"p{n}" for n in range(100)))),
    ):
        with pytest.raises(SipParseError):
            parse(data)


def test_what_is_written_reads_the_same() -> None:
    first = request(wire(GOOD))
    again = request(first.encode())
    assert list(again.headers) == list(first.headers)
    assert (again.method, again.uri, again.body) == (first.method, first.uri, first.body)


def test_no_line_can_be_smuggled_into_a_message_of_ours() -> None:
    message = request(wire(GOOD))
    message.headers.set("subject", "hello\r\nX-Evil: 1")
    with pytest.raises(ValueError):
        message.encode()


def test_a_response_gets_our_tag_once() -> None:
    message = request(wire(GOOD))
    assert message.response(200, tag="mine").to.tag == "mine"
    tagged = request(changed("To: <sip:user@example.com>", "To: <sip:user@example.com>;tag=theirs"))
    assert tagged.response(200, tag="mine").to.tag == "theirs"


def test_a_number_is_read_without_its_separators() -> None:
    assert parse_uri("sip:+49-30-(123)456@example.com").number == "+4930123456"
    assert parse_uri("tel:+4930123;phone-context=example.com").number == "+4930123"
    assert parse_uri("sip:alice.b@example.com").number == "alice.b"
    assert str(SipUri.of("50%of all", "::1", 5060)) == "sip:50%25of%20all@[::1]:5060"
    assert parse_uri("sip:[2001:db8::1]:5070").host == "2001:db8::1"


def test_fields_are_taken_apart() -> None:
    assert parse_session_expires("1800;refresher=UAS") == (1800, "uas")
    reasons = parse_reasons(['Q.850;cause=17;text="busy, \\"really\\""', "SIP;cause=486", "broken", "SIP;cause=x"])
    assert [(each.protocol, each.cause, each.text) for each in reasons] == [
        ("Q.850", 17, 'busy, "really"'),
        ("SIP", 486, ""),
    ]
    assert Replaces.parse("a@b;to-tag=1;from-tag=2;early-only") == Replaces("a@b", "1", "2", True)
    scheme, given = parse_scheme_parameters('Digest realm="a, \\"b\\"", nonce="x=", qop="auth,auth-int", algorithm=MD5')
    assert (scheme, given["realm"], given["qop"]) == ("digest", 'a, "b"', "auth,auth-int")


def test_lists_come_on_one_line_or_several() -> None:
    headers = Headers([("route", '<sip:a;lr>, "x, y" <sip:b;lr>'), ("route", "<sip:c,d;lr>")])
    assert headers.each("route") == ["<sip:a;lr>", '"x, y" <sip:b;lr>', "<sip:c,d;lr>"]


pieces = st.lists(
    st.sampled_from(
        [
            b"INVITE sip:a@b SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n", b"Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n",
            b"v: SIP/2.0/TCP [::1]:5060;rport\r\n", b"From: <sip:a@b>;tag=1\r\n", b"f: \"x\\\"", b"To: sip:a@b\r\n",
            b"Call-ID: 1\r\n", b"CSeq: 1 INVITE\r\n", b"Content-Length: 4\r\n", b"l: -1\r\n", b"\r\n", b"\r\n\r\n",
            b" folded\r\n", b"\x00", b"\xff\xfe", b"<", b">", b'"', b";", b",", b"@", b"%", b"\t", b"\\", b":",
            b"v=0\r\n", b"Contact: *\r\n", b"Max-Forwards: 70\r\n", b"Require: 100rel\r\n",
        ]
    ),
    max_size=24,
)  # fmt: skip


@given(st.one_of(st.binary(max_size=600), pieces.map(b"".join)))
@example(b"\r\n\r\n")
@example(b"SIP/2.0 \r\n\r\n")
@example(b"INVITE sip:a@b SIP/2.0\r\nVia: ,\r\n\r\n")
@example(b"\xb2 sip:a@b SIP/2.0\r\nCSeq: \xb2 INVITE\r\n\r\n")
@example(b"INVITE sip:a@b SIP/2.0\r\nContent-Length: \xd9\xa3\r\n\r\n")
def test_any_bytes_are_a_message_or_a_parse_error(data: bytes) -> None:
    try:
        message = parse(data)
    except SipParseError:
        return
    read_everything(message)


@given(st.integers(0, 260), st.binary(min_size=1, max_size=6))
@example(15, b"[")
@example(60, b"\r\n ")
@example(1, b"\n")
@example(8, b"\r")
def test_a_good_message_with_a_few_bytes_changed_is_one_or_the_other(place: int, bytes_: bytes) -> None:
    good = wire(GOOD)
    place %= len(good)
    try:
        message = parse(good[:place] + bytes_ + good[place + len(bytes_) :])
    except SipParseError as error:
        if error.partial is not None:
            read_everything(error.partial)
        return
    read_everything(message)


def read_everything(message: Request | Response) -> None:
    """Whatever is asked of a message gives a value or a parse error, and what is written is one message again."""
    for look in (
        lambda: message.via, lambda: message.from_, lambda: message.to, lambda: message.contact, lambda: message.cseq,
        lambda: message.to.sip, lambda: message.from_.sip.number, lambda: message.headers.each("contact"),
    ):  # fmt: skip
        try:
            look()
        except SipParseError:
            continue
    assert message.encode().count(b"\r\n\r\n") >= 1


@pytest.mark.parametrize("control", [chr(code) for code in (0, 1, 9, 10, 11, 13, 27, 31, 127)])
def test_a_name_of_ours_is_readable_to_the_peer_whatever_it_holds(control) -> None:
    ours = request(wire(GOOD))
    ours.headers.set("from", str(NameAddr("sip:1@example.org", f"A{control}da").with_tag("t")))
    assert request(ours.encode()).from_.display == "A da"


@pytest.mark.parametrize("control", [chr(code) for code in (0, 1, 10, 11, 13, 27, 31, 127)])
def test_a_message_that_nobody_could_read_is_not_sent(control) -> None:
    ours = request(wire(GOOD))
    ours.headers.set("subject", f"a{control}b")
    with pytest.raises(ValueError, match="a header field holds"):
        ours.encode()
