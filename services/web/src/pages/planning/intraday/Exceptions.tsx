import { IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { AdherenceException } from "../../../api/types.ts";
import { formatTime } from "../../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { IconAction } from "../../../ui/RowActions.tsx";
import { daysLater, instantOf } from "../days.ts";
import { SiteZone } from "../SiteZone.tsx";
import { useClocks } from "../useClocks.ts";
import classes from "./intraday.module.css";
import { useExceptions } from "./useAdherence.ts";

/** What is excused of a day. */
export function Exceptions({ day, zone }: { day: string; zone: string }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const queries = useQueryClient();
  const [removing, setRemoving] = useState<AdherenceException>();
  const start = instantOf(`${day}T00:00`, zone).toISOString();
  const end = instantOf(`${daysLater(day, 1)}T00:00`, zone).toISOString();
  const { data, error, refetch } = useExceptions(start, end);
  const who = (row: AdherenceException | undefined) =>
    row?.userId ? names.user(row.userId) : t("adherence.everybody");
  const zoneOf = useClocks(zone);
  const time = (row: AdherenceException, value: string | undefined) =>
    formatTime(value, language, zoneOf(row.userId));
  const kind = (row: AdherenceException) =>
    textOr("adherenceKind", (row.kind ?? "").replace("ADHERENCE_EXCEPTION_KIND_", ""));
  if (!data?.length) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  return (
    <Panel label={t("adherence.exceptions")} flush testId="exceptions">
      <h2 className={`${classes.title} ${classes.inset}`}>{t("adherence.exceptions")}</h2>
      <DataTable<AdherenceException>
        label={t("adherence.exceptions")}
        rows={data}
        keyOf={(row) => row.adherenceExceptionId ?? ""}
        columns={[
          { head: t("adherence.who"), cell: (row) => <bdi>{who(row)}</bdi> },
          { head: t("adherence.why"), cell: kind },
          {
            head: t("adherence.when"),
            cell: (row) => (
              <span className="m-figures">
                {t("adherence.span", { from: time(row, row.startTime), until: time(row, row.endTime) })}
                <SiteZone zone={zoneOf(row.userId)} company={zone} at={row.startTime} />
              </span>
            ),
          },
          { head: t("adherence.note"), cell: (row) => (row.note ? <bdi>{row.note}</bdi> : "–") },
          {
            head: t("adherence.actions"),
            quiet: true,
            cell: (row) => (
              <IconAction
                icon={IconTrash}
                label={`${t("common.delete")}: ${who(row)}`}
                onClick={() => setRemoving(row)}
              />
            ),
          },
        ]}
      />
      <Confirm
        opened={removing !== undefined}
        title={`${t("common.delete")}: ${who(removing)}`}
        body={t("adherence.deleteBody")}
        confirm={t("common.delete")}
        onConfirm={async () => {
          const path = { adherenceExceptionId: removing?.adherenceExceptionId ?? "" };
          await ask(api.DELETE("/v1/wfm/adherenceExceptions/{adherenceExceptionId}", { params: { path } }));
          await queries.invalidateQueries({ queryKey: ["adherence"] });
        }}
        onClose={() => setRemoving(undefined)}
      />
    </Panel>
  );
}
