import { useNames } from "../../../api/names.ts";
import type { Contact } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { Elapsed } from "../../../ui/Time.tsx";
import classes from "../watch.module.css";
import { useWhy, WhyButton } from "./WhyButton.tsx";
import { useWaiters } from "./waiting.ts";

/** Who waits in which turn, each with the way to why. */
export function WaitingPanel() {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const why = useWhy();
  const { waiters, data, error, refetch } = useWaiters();
  const number = (value: number) => <span className="m-figures">{formatNumber(value, language)}</span>;
  return (
    <Panel flush label={t("why.waiting")} testId="who-waits">
      <h2 className={`${classes.title} ${classes.padTitle}`}>{t("why.waiting")}</h2>
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {data && waiters.length === 0 && <p className={classes.nobody}>{t("why.none")}</p>}
      {waiters.length > 0 && (
        <DataTable
          label={t("why.waiting")}
          rows={waiters}
          keyOf={({ contact }) => contact.contactId ?? ""}
          testId={({ contact }) => `waits-${contact.contactId}`}
          columns={[
            { head: t("why.position"), testId: "position", cell: ({ position }) => number(position) },
            {
              head: t("watch.caller"),
              cell: ({ contact }) => <bdi>{callerOf(contact, t("common.anonymous"))}</bdi>,
            },
            { head: t("desktop.queue"), cell: ({ contact }) => <bdi>{names.queue(contact.queueId)}</bdi> },
            { head: t("desktop.waited"), cell: ({ contact }) => <Elapsed since={contact.queueTime} /> },
            {
              head: t("why.priority"),
              testId: "priority",
              cell: ({ contact }) => number(contact.priority ?? 0),
            },
            {
              head: t("why.open"),
              quiet: true,
              cell: ({ contact }) => <WhyButton contact={contact} onAsk={why.ask} />,
            },
          ]}
        />
      )}
      {why.dialog}
    </Panel>
  );
}

export const callerOf = (contact: Contact, anonymous: string): string =>
  contact.callerName || contact.callerNumber || anonymous;
