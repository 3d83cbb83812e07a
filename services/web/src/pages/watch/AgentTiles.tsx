import { Button } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useEffect } from "react";
import { Link } from "wouter";
import { useAgents } from "../../api/staff.ts";
import type { AgentTile, Wallboard } from "../../api/types.ts";
import { reasonText } from "../../desktop/reasons.ts";
import { shortState, stateTone } from "../../desktop/ui/StateText.tsx";
import { useReasons } from "../../desktop/useReasons.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Tag } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { Elapsed } from "../../ui/Time.tsx";
import { callOf, SuperviseMenu, useLiveCalls } from "./SuperviseMenu.tsx";
import classes from "./watch.module.css";

const ORDER = ["OFFERED", "ON_CONTACT", "WRAP_UP", "AVAILABLE", "NOT_READY", "OFFLINE"];

interface Props {
  tiles: readonly AgentTile[];
  counts: NonNullable<Wallboard["agentStates"]>;
}

/** Agents by what they are doing, those with customers first; how many in each state. */
export function AgentTiles({ tiles, counts }: Props) {
  const t = useText();
  const language = useLanguage();
  const rank = (state: string | undefined) => ORDER.indexOf(shortState(state));
  const sorted = [...tiles].sort(
    (a, b) =>
      rank(a.state) - rank(b.state) || (a.displayName ?? "").localeCompare(b.displayName ?? "", language),
  );
  useReasons();
  const missed = useMissed(tiles);
  const calls = useLiveCalls().data;
  const shown = counts.filter((each) => (each.count ?? 0) > 0);
  return (
    <Panel flush label={t("watch.agents")}>
      <h2 className={`${classes.title} ${classes.padTitle}`}>{t("watch.agents")}</h2>
      {shown.length > 0 && (
        <div className={classes.states} data-testid="agent-states">
          {shown.map((each) => (
            <span key={each.state} data-testid={`agents-${shortState(each.state)}`}>
              <Tag tone={stateTone(each.state)} dot>
                {textOr("state", shortState(each.state))} {formatNumber(each.count ?? 0, language)}
              </Tag>
            </span>
          ))}
        </div>
      )}
      {sorted.length === 0 ? (
        <EmptyState
          icon={IconUsers}
          title={t("watch.noAgents.title")}
          action={
            <Button component={Link} href="/admin/people" variant="default">
              {t("nav.people")}
            </Button>
          }
        >
          {t("watch.noAgents.body")}
        </EmptyState>
      ) : (
        <ul className={classes.agents}>
          {sorted.map((tile) => (
            <li key={tile.agentId} data-testid={`wallboard-agent-${tile.agentId}`}>
              <span>
                <bdi>{tile.displayName || tile.agentId}</bdi>
              </span>
              <Supervise tile={tile} callId={callOf(tile.agentId, calls)?.callId} />
              <Elapsed since={tile.stateTime} />
              <span>
                <Tag tone={stateTone(tile.state)} dot>
                  {textOr("state", shortState(tile.state))}
                  {tile.reason && shortState(tile.state) === "NOT_READY"
                    ? ` · ${reasonText(tile.reason)}`
                    : ""}
                </Tag>{" "}
                {missed(tile.agentId) > 0 && (
                  <Tag tone="bad">{t("presence.missed", { count: missed(tile.agentId) })}</Tag>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Offers an agent missed in this shift; read again when somebody's state changes. */
function useMissed(tiles: readonly AgentTile[]): (agentId: string | undefined) => number {
  const { data, refetch } = useAgents();
  const changed = tiles.map((tile) => tile.stateTime).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of state is what may have changed the count
  useEffect(() => void refetch(), [changed]);
  return (agentId) => data?.find((agent) => agent.agentId === agentId)?.missedOffers ?? 0;
}

/** Only beside who talks; the place is kept, so that the others stand in line. */
function Supervise({ tile, callId }: { tile: AgentTile; callId: string | undefined }) {
  if (!callId) return <span />;
  const agentId = tile.agentId ?? "";
  return <SuperviseMenu callId={callId} agentId={agentId} name={tile.displayName || agentId} />;
}
