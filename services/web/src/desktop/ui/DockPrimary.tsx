import { Button } from "@mantine/core";
import { IconPhone } from "@tabler/icons-react";
import { useText } from "../../i18n/index.ts";
import { Elapsed, Remaining } from "../../ui/Time.tsx";
import uiClasses from "../../ui/ui.module.css";
import { acceptOffer, useDesktop } from "../desktop.ts";
import type { Phase } from "../state.ts";
import classes from "./dock.module.css";
import { SHORTCUTS } from "./shortcuts.ts";

/** Last column of the dock: Answer during an offer, otherwise a timer by the server's clock. */
export function DockPrimary({ phase }: { phase: Phase }) {
  const t = useText();
  const { agent, contact, call } = useDesktop();
  if (phase === "offered") {
    return (
      <Button
        size="lg"
        color="#147a4a"
        className={classes.pulse}
        px={12}
        leftSection={<IconPhone size={20} aria-hidden />}
        onClick={() => void acceptOffer()}
        data-testid="offer-answer"
      >
        {t("desktop.answer")}
        <kbd className={`${uiClasses.kbd} ${classes.shortcut}`}>{SHORTCUTS.answer}</kbd>
      </Button>
    );
  }
  if (phase === "wrapUp") {
    return (
      <>
        <span className={classes.timer}>
          {contact?.wrapUpExpireTime ? (
            <Remaining until={contact.wrapUpExpireTime} testId="wrapup-remaining" />
          ) : (
            <Elapsed since={contact?.endTime} testId="wrapup-elapsed" />
          )}
        </span>
        <span className={classes.timerLabel}>{t("desktop.timer.wrapUp")}</span>
      </>
    );
  }
  const since = contact ? (call?.answerTime ?? contact.answerTime ?? call?.startTime) : agent?.stateTime;
  return (
    <>
      <span className={classes.timer}>
        <Elapsed since={since} testId="dock-timer" />
      </span>
      <span className={classes.timerLabel}>
        {t(phase === "dialing" ? "desktop.dialing" : contact ? "desktop.timer.talk" : "desktop.timer.state")}
      </span>
    </>
  );
}
