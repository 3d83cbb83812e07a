import { useText } from "../../../i18n/index.ts";
import { Panel } from "../../../ui/Page.tsx";
import classes from "../watch.module.css";
import { Found, useHowFound } from "./Decisions.tsx";

/** How agents were found, on a call's page; nothing where nobody was looked for. */
export default function DecisionsPanel({ contactId }: { contactId: string }) {
  const t = useText();
  const { data = [] } = useHowFound(contactId);
  if (data.length === 0) return null;
  return (
    <Panel label={t("why.decisions")} testId="decisions">
      <h2 className={classes.title}>{t("why.decisions")}</h2>
      {data.map((decision) => (
        <Found key={decision.offerId} decision={decision} />
      ))}
    </Panel>
  );
}
