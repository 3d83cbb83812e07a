import { type MessageKey, useText } from "../../i18n/index.ts";
import { Tag } from "../../ui/Note.tsx";
import { useDesktop } from "../desktop.ts";
import type { Phase } from "../state.ts";
import classes from "./dock.module.css";
import { StateText } from "./StateText.tsx";
import { useHandedOn } from "./useHandedOn.ts";

/** What an agent without a contact or an offer waits for. An offered one is kept for a customer who is rung first. */
const IDLE: Record<string, MessageKey> = {
  AGENT_STATE_AVAILABLE: "desktop.idle.available",
  AGENT_STATE_OFFERED: "desktop.idle.kept",
};

/** First column of the dock: who is on the line, or what the agent is waiting for. */
export function WhoIsIt({ phase, notice }: { phase: Phase; notice: string | undefined }) {
  const t = useText();
  const { agent, offer, contact } = useDesktop();
  const subject = contact ?? offer?.contact;
  const asks = useHandedOn(subject);
  if (!subject) {
    return (
      <>
        <div className={classes.name}>
          {agent?.state === "AGENT_STATE_OFFERED" ? t("desktop.kept") : <StateText agent={agent} />}
        </div>
        <div className={classes.detail} data-testid="dock-notice">
          {notice ?? t(IDLE[agent?.state ?? ""] ?? "desktop.idle.away")}
        </div>
      </>
    );
  }
  const number = subject.callerNumber;
  const onCall = phase === "talking" || phase === "held";
  const details = [
    asks && phase !== "wrapUp" && (
      <Tag key="asks" tone="info">
        {asks}
      </Tag>
    ),
    subject.callerName && number && (
      <span key="number" className="m-ltr m-figures">
        {number}
      </span>
    ),
    offer?.queueName && phase === "offered" && <bdi key="queue">{offer.queueName}</bdi>,
    phase === "held" && (
      <Tag key="held" tone="warn">
        {t("desktop.held")}
      </Tag>
    ),
    onCall && notice && (
      <Tag key="notice" tone="warn">
        {notice}
      </Tag>
    ),
    phase === "connecting" && t("desktop.connecting"),
    phase === "dialing" && t("desktop.dialing"),
    phase === "wrapUp" && (notice ?? t("desktop.wrapUp.title")),
  ].filter(Boolean);
  return (
    <>
      <div className={classes.name} data-testid="dock-caller">
        <bdi>{subject.callerName || number || t("common.anonymous")}</bdi>
      </div>
      <div className={classes.detail}>
        {details.flatMap((detail, at) => (at > 0 ? [" · ", detail] : [detail]))}
      </div>
    </>
  );
}
