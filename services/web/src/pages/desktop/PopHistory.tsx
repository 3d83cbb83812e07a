import type { ScreenPop } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { HistoryList } from "../../ui/HistoryList.tsx";
import classes from "./desktop.module.css";

/** What was done for this customer before the contact at hand. */
export function PopHistory({
  pop,
  contactId,
}: {
  pop: ScreenPop | undefined;
  contactId: string | undefined;
}) {
  const t = useText();
  const entries = (pop?.history ?? []).filter((entry) => !entry.contactId || entry.contactId !== contactId);
  return (
    <>
      <h2 className={classes.sectionTitle}>{t("desktop.history")}</h2>
      {entries.length === 0 ? (
        <p style={{ color: "var(--m-muted)", margin: 0 }}>{t("desktop.history.none")}</p>
      ) : (
        <HistoryList entries={entries} />
      )}
    </>
  );
}
