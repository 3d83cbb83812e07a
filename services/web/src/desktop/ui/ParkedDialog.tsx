import { Modal, Text } from "@mantine/core";
import { useEffect } from "react";
import { useText } from "../../i18n/index.ts";
import { announce } from "../../ui/announce.tsx";
import { CopyField } from "../../ui/CopyField.tsx";
import classes from "./parties.module.css";

/** The code of the call that was just parked, to be read out to a colleague; it is in the clipboard already. */
export default function ParkedDialog({ code, onClose }: { code: string; onClose: () => void }) {
  const t = useText();
  useEffect(() => {
    void navigator.clipboard?.writeText(code).catch(() => undefined);
    announce(t("calls.parked", { code }));
  }, [code, t]);
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("calls.parkedTitle")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <p className={classes.code} data-testid="park-code">
        {code}
      </p>
      <Text mb="md">{t("calls.parkedBody")}</Text>
      <CopyField value={code} label={t("calls.parkCode")} testId="park-code-text" />
    </Modal>
  );
}
