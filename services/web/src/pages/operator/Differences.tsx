import { Select } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Difference } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "./operator.module.css";

const STATES = ["DIFFERENCE_STATE_OPEN", "DIFFERENCE_STATE_RESOLVED"] as const;

/** Where the seconds of media, of detail records and of bills differ, and why. */
export function Differences() {
  const t = useText();
  const language = useLanguage();
  const [state, setState] = useState<(typeof STATES)[number] | undefined>("DIFFERENCE_STATE_OPEN");
  const { query, rows } = usePages<Difference>(
    ["differences", state ?? ""],
    async (pageToken) => {
      const params = { query: { pageToken, state } };
      const answer = await ask(api.GET("/v1/operator/differences", { params }));
      return { rows: answer.differences ?? [], next: answer.nextPageToken ?? "" };
    },
    30_000,
  );
  const seconds = (value: string | number | undefined) => (
    <span className="m-figures">{formatNumber(Number(value ?? 0), language)}</span>
  );
  return (
    <>
      <PageHeader title={t("differences.title")} subtitle={t("differences.lead")} />
      <div className={classes.filters}>
        <Select
          label={t("operator.state")}
          placeholder={t("operator.allStates")}
          clearable
          clearButtonProps={{ "aria-label": t("operator.allStates") }}
          data={STATES.map((value) => ({ value, label: t(`differences.state.${value}`) }))}
          value={state ?? null}
          onChange={(next) => setState((next as typeof state | null) ?? undefined)}
          data-testid="differences-state"
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconScale} title={t("differences.none")}>
            {t("differences.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("differences.title")}
            rows={shown}
            keyOf={(each) => `${each.callId}-${each.cause}`}
            columns={[
              { head: t("differences.call"), cell: (each) => <span className="m-ltr">{each.callId}</span> },
              { head: t("differences.began"), cell: (each) => <DateTime value={each.callTime} /> },
              {
                head: t("differences.cause"),
                cell: (each) => (
                  <>
                    {textOr("differences.cause", each.cause ?? "")}
                    {each.state === "DIFFERENCE_STATE_RESOLVED" && (
                      <>
                        {" "}
                        <Tag tone="good">{t("differences.state.DIFFERENCE_STATE_RESOLVED")}</Tag>
                      </>
                    )}
                  </>
                ),
              },
              { head: t("differences.media"), cell: (each) => seconds(each.mediaSeconds) },
              { head: t("differences.record"), cell: (each) => seconds(each.recordSeconds) },
              { head: t("differences.billed"), cell: (each) => seconds(each.billedSeconds) },
              {
                head: t("differences.company"),
                cell: (each) => <span className="m-ltr">{each.tenantId}</span>,
              },
            ]}
          />
        )}
      </PagedPanel>
    </>
  );
}
