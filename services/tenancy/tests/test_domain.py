"""Rules of tenancy: fields, roles, limits, guesses, sessions, what e-mails say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import phonenumbers
import pytest
from kernel.errors import InvalidInput
from tenancy import catalogue
from tenancy.domain import attempts, emails, fields, oidc, people, plans, secrets, sessions
from tenancy.domain.attempts import Attempts
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.numbers import fictitious_numbers, read_entries
from tenancy.domain.people import Invitation, User, UserChange
from tenancy.domain.sessions import RefreshToken, Session, Use

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def user(role: str, state: str = "ACTIVE") -> User:
    return User("usr_1", "Olga", "olga@acme.example", role, "en", NOW, state)


def ago(**how_long: int) -> datetime:
    return NOW - timedelta(**how_long)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" Olga@Acme.Example ", "olga@acme.example"),
        ("o.l'ga+x@a-b.co", "o.l'ga+x@a-b.co"),
        ("olga@örnek.com.tr", "olga@xn--rnek-4qa.com.tr"),
    ],
)
def test_email_is_kept_in_the_one_form_it_is_compared_in(written: str, kept: str) -> None:
    assert fields.email(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "", "olga", "olga@", "@acme.example", "olga@acme", "olga@acme..example", "ol ga@acme.example",
        "a@b@acme.example", "x<victim@acme.example", "a,b@acme.example", '"a"@acme.example', ".a@acme.example",
        "a@-acme.example", "a\n@acme.example", "olga@acme.example\nBcc: x", "x" * 65 + "@acme.example",
        "a@" + "b" * 64 + ".example", "a@" + "b." * 130 + "example", "öl@acme.example", "a@[127.0.0.1]",
    ],
)  # fmt: skip
def test_what_could_be_read_as_another_address_is_no_email(written: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        fields.email(written)
    assert refused.value.fields[0].field == "email"


@pytest.mark.parametrize(
    "written", ["", "  ", "x" * 201, "Acme\r\nBcc: all", "Acme\x0bInc", "Acme\u2028Inc", "\x85A\x1eB"]
)
def test_name_is_one_line_of_text(written: str) -> None:
    with pytest.raises(InvalidInput):
        fields.name(written, "company_name")


@pytest.mark.parametrize("written", ["خانه‌دار", "Müşteri & Oğulları", "'; drop table users --", "Əliyeva"])
def test_name_may_be_anybodys(written: str) -> None:
    assert fields.name(written) == written


@pytest.mark.parametrize("password", ["short", "", "x" * 9, "x" * 257, "aaaaaaaaaaaaaaa", "ababababababab"])
def test_weak_password_is_refused_with_its_field(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        fields.password(password)
    assert refused.value.fields[0].field == "password"


def test_language_and_zone_have_defaults_and_no_others() -> None:
    assert (fields.language(""), fields.language("", "tr"), fields.time_zone("")) == ("en", "tr", "UTC")
    for check, wrong in ((fields.language, "de"), (fields.language, "EN"), (fields.time_zone, "Mars/Olympus")):
        with pytest.raises(InvalidInput):
            check(wrong)


@pytest.mark.parametrize("paths", [[], ["tenant_id"], ["display_name", "plan_id"]])
def test_only_fields_that_may_change_are_changed(paths: list[str]) -> None:
    with pytest.raises(InvalidInput):
        fields.mask(paths, ("display_name",))


@pytest.mark.parametrize("code", ["T", "TUR", "1A", "Ü1"])
def test_country_is_two_letters(code: str) -> None:
    with pytest.raises(InvalidInput):
        fields.country(code)


@pytest.mark.parametrize(
    ("actor", "target", "role", "allowed"),
    [
        ("owner", "OWNER", "AGENT", True),
        ("owner", "AGENT", "OWNER", True),
        ("admin", "OWNER", None, False),
        ("admin", "ADMIN", "OWNER", False),
        ("admin", "ADMIN", "SUPERVISOR", True),
        ("api_client", "ADMIN", None, False),
        ("api_client", "AGENT", "SUPERVISOR", True),
        ("api_client", "AGENT", "ADMIN", False),
        ("agent", "SUPERVISOR", None, False),
        ("service", "AGENT", None, False),
        ("operator", "AGENT", None, False),
    ],
)
def test_nobody_gives_or_takes_a_role_stronger_than_their_own(
    actor: str, target: str, role: str | None, allowed: bool
) -> None:
    change = UserChange(role=role, display_name="X")
    if allowed:
        people.check_role_change(actor, user(target), change, 2)
        return
    with pytest.raises(people.RoleTooStrong):
        people.check_role_change(actor, user(target), change, 2)


@pytest.mark.parametrize("change", [UserChange(role="ADMIN"), UserChange(state="DISABLED")])
def test_last_owner_stays(change: UserChange) -> None:
    with pytest.raises(people.LastOwner):
        people.check_role_change("owner", user("OWNER"), change, 1)
    people.check_role_change("owner", user("OWNER"), change, 2)
    people.check_role_change("owner", user("OWNER", "DISABLED"), change, 1)
    people.check_role_change("owner", user("OWNER"), UserChange(display_name="Olga O.", role="OWNER"), 1)


def test_key_carries_some_of_what_its_maker_may_do() -> None:
    there_are, own = {"queues.read", "billing.read"}, {"queues.read"}
    people.check_scopes({"queues.read"}, there_are, own)
    with pytest.raises(people.ScopeTooStrong):
        people.check_scopes({"queues.read", "billing.read"}, there_are, own)
    for wrong in (set(), {"tenant.write"}):
        with pytest.raises(fields.FieldInvalid):
            people.check_scopes(wrong, there_are, own | {"tenant.write"})


def test_invitation_expires_by_the_clock_alone() -> None:
    made = Invitation("ivt_1", "a@b.example", "", "AGENT", NOW, NOW + people.INVITATION_LIFE)
    assert made.state_at(NOW + timedelta(days=7, seconds=-1)) == "PENDING"
    assert made.state_at(NOW + timedelta(days=7)) == "EXPIRED"


def test_plan_too_small_names_each_limit() -> None:
    limits = catalogue.seed().find("starter").limits
    plans.check_fit(limits, {"users": 5, "numbers": 2, "brands": 1})
    with pytest.raises(plans.PlanLimitsExceeded) as refused:
        plans.check_fit(limits, {"users": 6, "numbers": 2, "brands": 2})
    assert refused.value.metadata == {"limits": "users,brands"}


def test_catalogue_has_three_plans_in_four_languages_and_rates_for_each_meter() -> None:
    on_sale = catalogue.seed().on_sale()
    assert [plan.tier for plan in on_sale] == sorted(plan.tier for plan in on_sale) and len(on_sale) >= 3
    assert all(set(plan.names) == set(plan.summaries) == set(fields.LANGUAGES) for plan in on_sale)
    assert len({frozenset(rate.meter for rate in plan.rates) for plan in on_sale}) == 1
    with pytest.raises(plans.PlanNotFound):
        catalogue.seed().find("growth", 99)
    with pytest.raises(plans.PlanNotFound):
        catalogue.seed().find("")


def test_tenth_wrong_guess_at_one_address_closes_it_until_its_window_ends() -> None:
    here = None
    for _ in range(attempts.AT_ONE_ADDRESS):
        attempts.check(here, None, NOW)
        here = attempts.one_more(here, NOW)
    with pytest.raises(attempts.TooManyAttempts) as refused:
        attempts.check(here, None, NOW + timedelta(minutes=5))
    assert refused.value.retry_after == timedelta(minutes=10)
    attempts.check(here, None, NOW + attempts.WINDOW)
    assert attempts.one_more(here, NOW + attempts.WINDOW).failures == 1


def test_guesses_from_everywhere_close_new_addresses_but_not_the_owners_own() -> None:
    everywhere = Attempts(attempts.FROM_EVERYWHERE, NOW)
    own = attempts.succeeded_here(ago(days=89))
    attempts.check(own, everywhere, NOW)
    for stranger in (None, Attempts(0, NOW), attempts.succeeded_here(ago(days=91))):
        with pytest.raises(attempts.TooManyAttempts):
            attempts.check(stranger, everywhere, NOW)


def test_known_address_has_its_own_limit_and_stays_known() -> None:
    here = attempts.succeeded_here(NOW)
    for _ in range(attempts.AT_ONE_ADDRESS):
        here = attempts.one_more(here, NOW + timedelta(hours=1))
    with pytest.raises(attempts.TooManyAttempts):
        attempts.check(here, None, NOW + timedelta(hours=1))
    assert here.known_until == NOW + attempts.ADDRESS_KNOWN


def test_sign_in_that_worked_takes_back_its_own_attempt_only() -> None:
    assert attempts.one_less(Attempts(40, NOW)).failures == 39
    assert attempts.one_less(Attempts(0, NOW)).failures == 0


@pytest.mark.parametrize(
    ("used", "ended", "expires", "use"),
    [
        (None, None, 1, Use.ROTATES),
        (ago(seconds=10), None, 1, Use.ROTATES),
        (ago(seconds=11), None, 1, Use.ENDS_THE_SESSION),
        (None, ago(seconds=1), 1, Use.REFUSED),
        (ago(days=3), ago(days=1), 1, Use.REFUSED),
        (None, None, 0, Use.REFUSED),
    ],
)
def test_reused_token_ends_its_session_and_two_tabs_at_once_do_not(
    used: datetime | None, ended: datetime | None, expires: int, use: Use
) -> None:
    session = Session("ses_1", "usr_1", ago(days=5), NOW + timedelta(seconds=expires), ended)
    assert sessions.use_of(RefreshToken("d", "ses_1", ago(days=5), used), session, NOW) is use


def test_session_in_use_goes_on_for_a_month_more_until_its_ninetieth_day() -> None:
    assert sessions.expiry(NOW, NOW) == NOW + timedelta(days=30)
    assert sessions.expiry(ago(days=50), NOW) == NOW + timedelta(days=30)
    assert sessions.expiry(ago(days=80), NOW) == NOW + timedelta(days=10)


def test_secrets_differ_and_their_digests_say_nothing() -> None:
    assert len({secrets.new_secret() for _ in range(100)}) == 100
    key, prefix = secrets.new_api_key()
    assert key.startswith(f"{prefix}_") and key.rpartition("_")[2] not in secrets.digest(key)


@pytest.mark.parametrize(
    ("language", "subject"),
    [("en", "You are invited to Acme"), ("tr", "Acme sizi davet ediyor"), ("az", "Acme sizi dəvət edir"),
     ("fa", "دعوت به Acme"), ("xx", "You are invited to Acme")],
)  # fmt: skip
def test_invitation_is_written_in_the_companys_language(language: str, subject: str) -> None:
    said, body = emails.invitation_text("Acme", "https://x.example/invitation/s", language)
    assert said == subject and "https://x.example/invitation/s" in body


def test_company_name_brings_no_line_and_no_placeholder_into_an_email() -> None:
    subject, _ = emails.invitation_text("Acme\r\nBcc: all@x.example {link}", "L", "en")
    assert subject == "You are invited to Acme Bcc: all@x.example {link}"


def test_email_is_tried_again_ever_later_but_each_hour() -> None:
    pauses = [emails.pause_after(n).total_seconds() for n in (1, 2, 3, 50)]
    assert pauses == [30, 60, 120, 3600]


@pytest.mark.parametrize("verified", [True, "true"])
def test_verified_address_is_somebody(verified: object) -> None:
    who = oidc.identity_of({"email": "Ada@Acme.Example", "email_verified": verified, "name": "Ada\nL"})
    assert who == oidc.Identity("ada@acme.example", "ada@acme.example")


@pytest.mark.parametrize("claims", [{}, {"email": "a@b.example"}, {"email": "a@b.example", "email_verified": False},
                                    {"email": "a@b.example", "email_verified": "false"},
                                    {"email": "nobody", "email_verified": True}])  # fmt: skip
def test_address_nobody_vouches_for_is_refused(claims: dict[str, object]) -> None:
    with pytest.raises(oidc.OidcSignInRefused):
        oidc.identity_of(claims)


@pytest.mark.parametrize("address", ["https://evil.example/", "https://a.example.evil.example/", "https://a.example",
                                     "https://a.example@evil.example/", "", "//a.example/", "https://a.example/\\x",
                                     "https://a.example/#x"])  # fmt: skip
def test_code_is_sent_to_no_foreign_place(address: str) -> None:
    with pytest.raises(InvalidInput):
        oidc.check_redirect(address, "https://a.example")
    oidc.check_redirect("https://a.example/sign-in/return", "https://a.example/")


def test_numbers_of_the_inventory_are_numbers_no_carrier_gives_out() -> None:
    numbers = fictitious_numbers()
    assert len({each.number for each in numbers}) == len(numbers) and all(each.test for each in numbers)
    for each in numbers:
        parsed = phonenumbers.parse(each.number)
        assert phonenumbers.is_possible_number(parsed), each.number
        fiction = each.country == "US" and each.number[5:10] == "55501"
        assert fiction or not phonenumbers.is_valid_number(parsed), each.number


@pytest.mark.parametrize(
    ("entry", "country", "read"),
    [
        ("+994 12 555 12 34", "", ["+994125551234"]),
        ("0 (212) 900-10-00", "TR", ["+902129001000"]),
        ("(212) 555-0100", "US", ["+12125550100"]),
        ("+994125551298-99", "", ["+994125551298", "+994125551299"]),
        ("+994125551298 - +994125551300", "", ["+994125551298", "+994125551299", "+994125551300"]),
        ("02129001000..02129001001", "TR", ["+902129001000", "+902129001001"]),
        ("+994125551299 – +994125551299", "", ["+994125551299"]),
    ],
)
def test_numbers_and_ranges_are_read_as_people_paste_them(entry: str, country: str, read: list[str]) -> None:
    assert read_entries([entry], country) == read


def test_a_number_pasted_twice_is_one() -> None:
    assert read_entries(["+994125551234", "+994125551230-39"], "")[0] == "+994125551234"
    assert len(read_entries(["+994125551234", "+994125551230-39"], "")) == 10


@pytest.mark.parametrize(
    "entry",
    ["", "sales", "0212 900 10 00", "+99412", "+994125551299-00", "+994125551234;ext=7",
     "+994125551000-9999", "+994125551200 - +9941255512000", "x" * 65, "+90 212 900 10 00 ext. 5"],
)  # fmt: skip
def test_what_is_no_number_or_range_is_named_by_its_place(entry: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_entries(["+994125551234", entry], "")
    assert [each.field for each in refused.value.fields] == ["entries[1]"]


def test_more_numbers_than_one_request_takes_are_refused_before_they_are_counted_out() -> None:
    with pytest.raises(FieldInvalid):
        read_entries([f"+99412555{n:02}00-99" for n in range(6)], "")
    with pytest.raises(FieldInvalid):
        read_entries([], "")
