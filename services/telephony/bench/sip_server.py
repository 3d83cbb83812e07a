"""The measured process of `bench_sip`: answers every call with the caller's own SDP, and tells its CPU time."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from telephony.sip import AgentSettings, Invitation, Limits, ListenPoint, SipAgent


async def main(transport: str) -> None:
    limits = Limits(invitations_per_second=100_000, transactions=1_000_000)
    agent = SipAgent(AgentSettings([ListenPoint(transport, "127.0.0.1", 0)], limits=limits, trusted=lambda _: True))
    answered = 0

    async def echo(invitation: Invitation) -> None:
        nonlocal answered
        await invitation.ring()
        await invitation.answer(invitation.sdp_offer or "")
        answered += 1

    agent.on_invite = lambda invitation: agent.stack.spawn(echo(invitation), "echo")
    await agent.start()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"port": agent.points[0].port}), flush=True)
    while await reader.readline():
        told = {"cpu": time.process_time(), "answered": answered, "dialogs": len(agent.dialogs)}
        print(json.dumps(told), flush=True)
    await agent.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
