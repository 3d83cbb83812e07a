import { Button, Menu } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import type { AgentState } from "../../api/types.ts";
import { arrowOf, textOr, useLanguage, useText } from "../../i18n/index.ts";
import { warmRing } from "../../media/ring.ts";
import uiClasses from "../../ui/ui.module.css";
import { setState, useDesktop } from "../desktop.ts";
import { StateText, shortState, stateTone } from "./StateText.tsx";

const NOT_READY_REASONS = ["break", "lunch", "meeting", "training", "personal"] as const;

/** Shows the agent's state and sets the next one. */
export function StateMenu() {
  const t = useText();
  const language = useLanguage();
  const { agent } = useDesktop();
  const choose = (state: AgentState, reason = "") => {
    warmRing();
    void setState(state, reason);
  };
  const next = shortState(agent?.nextState);
  const busy = ["ON_CONTACT", "WRAP_UP", "OFFERED"].includes(shortState(agent?.state));
  return (
    <Menu position="bottom-start" width={240}>
      <Menu.Target>
        <Button
          variant="default"
          radius="xl"
          rightSection={<IconChevronDown size={16} aria-hidden />}
          leftSection={
            <span style={{ color: `var(--m-${toneVariable(agent?.state)})` }}>
              <span className={uiClasses.dot} style={{ display: "block" }} aria-hidden />
            </span>
          }
          data-testid="agent-state"
          data-state={shortState(agent?.state)}
        >
          <StateText agent={agent} />
          {busy && next !== "OFFLINE" && next !== "UNSPECIFIED" && next !== "AVAILABLE"
            ? ` ${arrowOf(language)} ${textOr("state", next)}`
            : ""}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<Dot state="AVAILABLE" />}
          onClick={() => choose("AGENT_STATE_AVAILABLE")}
          data-testid="state-AVAILABLE"
        >
          {t("state.AVAILABLE")}
        </Menu.Item>
        <Menu.Label>{t("state.NOT_READY")}</Menu.Label>
        {NOT_READY_REASONS.map((reason) => (
          <Menu.Item
            key={reason}
            leftSection={<Dot state="NOT_READY" />}
            onClick={() => choose("AGENT_STATE_NOT_READY", reason)}
            data-testid={`state-NOT_READY-${reason}`}
          >
            {t(`reason.${reason}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          leftSection={<Dot state="OFFLINE" />}
          onClick={() => choose("AGENT_STATE_OFFLINE")}
          data-testid="state-OFFLINE"
        >
          {t("state.OFFLINE")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function toneVariable(state: string | undefined): string {
  const tone = stateTone(state);
  return tone === "neutral" ? "muted" : tone;
}

function Dot({ state }: { state: string }) {
  return (
    <span style={{ color: `var(--m-${toneVariable(state)})` }}>
      <span className={uiClasses.dot} style={{ display: "block" }} aria-hidden />
    </span>
  );
}
