import { Button, Group, Menu } from "@mantine/core";
import {
  IconChevronDown,
  IconEar,
  IconMessageCircle,
  IconPhoneCall,
  IconUsersGroup,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import type { Call } from "../../api/types.ts";
import { isThere } from "../../desktop/parties.ts";
import { MODES, supervise, supervision, takeOver } from "../../desktop/supervision.ts";
import { useText } from "../../i18n/index.ts";
import { useMe } from "../../session/session.ts";
import { useStore } from "../../store.ts";
import { useRefreshOn } from "./useRefreshOn.ts";

const FACTS = [
  "CallStarted",
  "CallProgressed",
  "CallAnswered",
  "CallHeld",
  "CallResumed",
  "CallTransferred",
  "CallParked",
  "LegChanged",
  "SupervisionChanged",
  "AgentLeft",
  "CallEnded",
];
const ICONS = {
  SUPERVISION_MODE_LISTEN: IconEar,
  SUPERVISION_MODE_WHISPER: IconMessageCircle,
  SUPERVISION_MODE_BARGE: IconUsersGroup,
} as const;
const TALKING: readonly string[] = ["CALL_STATE_TALKING", "CALL_STATE_HELD"];

export function useLiveCalls() {
  const query = useQuery({
    queryKey: ["liveCalls"],
    queryFn: async (): Promise<Call[]> =>
      (await ask(api.GET("/v1/calls", { params: { query: { live: true, pageSize: 200 } } }))).calls ?? [],
    refetchInterval: 15_000,
  });
  useRefreshOn(["liveCalls"], ...FACTS);
  return query;
}

/** The agents who talk in a call. */
export function agentsIn(call: Call): string[] {
  if (!TALKING.includes(call.state ?? "")) return [];
  const found = (call.legs ?? [])
    .filter((leg) => leg.party === "agent" && isThere(leg))
    .map((leg) => leg.agentId ?? "");
  return [...new Set([call.agentId ?? "", ...found])].filter(Boolean);
}

/** The call an agent talks in, of those that live. */
export function callOf(agentId: string | undefined, calls: readonly Call[] | undefined): Call | undefined {
  return calls?.find((call) => agentsIn(call).includes(agentId ?? ""));
}

interface Props {
  callId: string;
  agentId: string;
  name: string;
  /** Says whom: where several agents talk in one call. */
  named?: boolean;
}

/** The menus of every agent who talks in a call. */
export function SuperviseMenus({ call, nameOf }: { call: Call; nameOf: (id: string) => string }) {
  const agents = agentsIn(call);
  return (
    <Group gap={6}>
      {agents.map((agentId) => (
        <SuperviseMenu
          key={agentId}
          callId={call.callId ?? ""}
          agentId={agentId}
          name={nameOf(agentId)}
          named={agents.length > 1}
        />
      ))}
    </Group>
  );
}

/** Listen, whisper, barge, take over: of one agent's call. Nothing for one's own. */
export function SuperviseMenu({ callId, agentId, name, named }: Props) {
  const t = useText();
  const now = useStore(supervision);
  const me = useMe();
  if (agentId === me) return null;
  const here = now?.callId === callId && now.agentId === agentId ? now.mode : undefined;
  const Sign = ICONS[here ?? "SUPERVISION_MODE_LISTEN"];
  return (
    <Menu position="bottom-end" withArrow>
      <Menu.Target>
        <Button
          size="compact-sm"
          variant={here ? "filled" : "default"}
          leftSection={<Sign size={15} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          aria-label={`${t(`calls.mode.${here ?? "SUPERVISION_MODE_LISTEN"}`)}: ${name}`}
          data-testid={`supervise-${agentId}`}
        >
          {t(`calls.mode.${here ?? "SUPERVISION_MODE_LISTEN"}`)}
          {named && (
            <>
              :&nbsp;<bdi>{name}</bdi>
            </>
          )}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {MODES.map((mode) => {
          const ModeSign = ICONS[mode];
          return (
            <Menu.Item
              key={mode}
              leftSection={<ModeSign size={17} aria-hidden />}
              onClick={() => void supervise({ callId, agentId, mode })}
              data-testid={`supervise-${agentId}-${mode}`}
            >
              {t(`calls.mode.${mode}`)}
            </Menu.Item>
          );
        })}
        <Menu.Item
          leftSection={<IconPhoneCall size={17} aria-hidden />}
          onClick={() => void takeOver(callId, agentId)}
          data-testid={`supervise-${agentId}-take-over`}
        >
          {t("calls.takeOver")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
