import { Button } from "@mantine/core";
import { useText } from "../../i18n/index.ts";
import { Remaining } from "../../ui/Time.tsx";
import uiClasses from "../../ui/ui.module.css";
import { declineOffer, useDesktop } from "../desktop.ts";
import classes from "./dock.module.css";
import { SHORTCUTS } from "./shortcuts.ts";

export function OfferControls() {
  const t = useText();
  const { offer } = useDesktop();
  return (
    <>
      <span className={`${classes.detail} ${classes.expires}`} style={{ marginInlineEnd: 8 }}>
        {t("desktop.offer.expires")} <Remaining until={offer?.expireTime} testId="offer-remaining" />
      </span>
      <Button variant="default" onClick={() => void declineOffer()} data-testid="offer-decline">
        {t("desktop.decline")}
        <kbd className={`${uiClasses.kbd} ${classes.shortcut}`}>{SHORTCUTS.end}</kbd>
      </Button>
    </>
  );
}
