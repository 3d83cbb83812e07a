import { Menu } from "@mantine/core";
import type { AgentState } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { warmRing } from "../../media/ring.ts";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { setState, useDesktop } from "../desktop.ts";
import { nameOfReason, reasonText } from "../reasons.ts";
import { useReasons } from "../useReasons.ts";
import { StateDot } from "./StateDot.tsx";
import { pendingState, shortState } from "./StateText.tsx";

/** The states an agent may want; during a contact they begin at its end, and what was wanted can be taken back. */
export default function StateChoices() {
  const t = useText();
  const { agent } = useDesktop();
  const { data, error, refetch } = useReasons();
  const pending = pendingState(agent);
  const busy = ["ON_CONTACT", "WRAP_UP", "OFFERED"].includes(shortState(agent?.state));
  const choose = (state: AgentState, reason = "", reasonId = "") => {
    warmRing();
    void setState(state, reason, reasonId);
  };
  return (
    <>
      {busy && <Menu.Label>{t("presence.afterContact")}</Menu.Label>}
      {pending && (
        <Menu.Item
          leftSection={<StateDot state="AVAILABLE" />}
          onClick={() => choose("AGENT_STATE_AVAILABLE")}
          data-testid="state-take-back"
        >
          {t("presence.takeBack", { state: reasonText(agent?.nextReason) || textOr("state", pending) })}
        </Menu.Item>
      )}
      {!pending && (
        <Menu.Item
          leftSection={<StateDot state="AVAILABLE" />}
          onClick={() => choose("AGENT_STATE_AVAILABLE")}
          data-testid="state-AVAILABLE"
        >
          {t("state.AVAILABLE")}
        </Menu.Item>
      )}
      <Menu.Label>{t("state.NOT_READY")}</Menu.Label>
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {(data ?? [])
        .filter((reason) => !reason.archived)
        .map((reason) => (
          <Menu.Item
            key={reason.notReadyReasonId}
            leftSection={<StateDot state="NOT_READY" color={reason.color} />}
            onClick={() =>
              choose("AGENT_STATE_NOT_READY", reason.displayName ?? "", reason.notReadyReasonId ?? "")
            }
            data-testid={`state-NOT_READY-${reason.displayName?.toLowerCase()}`}
          >
            <bdi>{nameOfReason(reason)}</bdi>
          </Menu.Item>
        ))}
      <Menu.Divider />
      <Menu.Item
        leftSection={<StateDot state="OFFLINE" />}
        onClick={() => choose("AGENT_STATE_OFFLINE")}
        data-testid="state-OFFLINE"
      >
        {t("state.OFFLINE")}
      </Menu.Item>
    </>
  );
}
