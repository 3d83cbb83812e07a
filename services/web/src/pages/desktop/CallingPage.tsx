import { Stack } from "@mantine/core";
import { useDesktop } from "../../desktop/desktop.ts";
import { phaseOf } from "../../desktop/state.ts";
import { useText } from "../../i18n/index.ts";
import { Note } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DialForm } from "./DialForm.tsx";
import classes from "./desktop.module.css";
import { ParkedCalls } from "./ParkedCalls.tsx";
import { WaitingContacts } from "./WaitingContacts.tsx";

/** Calls an agent begins: to a number, one that is parked, one that rings at a colleague. */
export default function CallingPage() {
  const t = useText();
  const state = useDesktop();
  return (
    <>
      <PageHeader title={t("nav.dial")} subtitle={t("dial.lead")} />
      {state.loaded && phaseOf(state) === "off" && (
        <div style={{ marginBottom: 18 }}>
          <Note tone="info" title={t("dial.offDuty")} testId="dial-off-duty">
            {t("dial.offDutyBody")}
          </Note>
        </div>
      )}
      <div className={classes.columns}>
        <DialForm />
        <Stack gap="md">
          <ParkedCalls />
          <WaitingContacts />
        </Stack>
      </div>
    </>
  );
}
