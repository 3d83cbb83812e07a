"""Whose a consult is, in a conference of more."""

from __future__ import annotations

import dataclasses

from telephony.domain import consults, conversation, parties, transfers
from telephony.domain.legs import LegState

from .test_parties import ANN, BEN, EVE, NOW, agent_leg, asked, ears, outside, refused


def test_a_consult_is_its_askers_to_join_swap_or_end_and_nobody_elses_of_a_conference() -> None:
    together = consults.join(asked(agent_leg(BEN)), ANN, NOW).after
    begun = consults.begin_consult(together, ANN, outside("zoe", state=LegState.RINGING), NOW).after
    talk = parties.answered(begun, "zoe", NOW).after
    for verb in (consults.join, consults.swap, consults.complete, consults.cancel_consult):
        assert refused(lambda verb=verb: verb(talk, BEN, NOW)) == "NO_CONSULT"
    taken = transfers.taken_over(talk, dataclasses.replace(agent_leg(EVE), leg_id="eve"), NOW).after
    assert ears(consults.join(taken, EVE, NOW).after)["customer"] == {"ben", "zoe", "eve"}
    assert consults.cancel_consult(talk, EVE, NOW).after.consulted is None


def test_a_party_that_a_colleague_asks_is_theirs_until_joined_and_others_of_the_conference_leave_them_be() -> None:
    together = consults.join(asked(agent_leg(BEN)), ANN, NOW).after
    ringing = consults.begin_consult(together, ANN, outside("zoe", state=LegState.RINGING), NOW).after
    consulting = parties.answered(ringing, "zoe", NOW).after
    for talk in (ringing, consulting):
        assert refused(lambda talk=talk: conversation.askers_alone(talk, "zoe", BEN)) == "CALL_OF_OTHER_AGENT"
        assert refused(lambda talk=talk: parties.mute(talk, "zoe", BEN, True)) == "CALL_OF_OTHER_AGENT"
        for actor in (ANN, EVE):
            assert conversation.askers_alone(talk, "zoe", actor) is talk
        assert conversation.askers_alone(talk, "customer", BEN) is talk
    joined = consults.join(consulting, ANN, NOW).after
    assert conversation.askers_alone(joined, "zoe", BEN) is joined
