import { Stack } from "@mantine/core";
import { useText } from "../../i18n/index.ts";
import { PageHeader } from "../../ui/Page.tsx";
import { DialForm } from "./DialForm.tsx";
import classes from "./desktop.module.css";
import { ParkedCalls } from "./ParkedCalls.tsx";
import { WaitingContacts } from "./WaitingContacts.tsx";

/** Calls an agent begins: to a number, one that is parked, one that rings at a colleague. */
export default function CallingPage() {
  const t = useText();
  return (
    <>
      <PageHeader title={t("nav.dial")} subtitle={t("dial.lead")} />
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
