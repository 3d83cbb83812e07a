import { Button, Switch } from "@mantine/core";
import { IconHash } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { BroughtNumber } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "./operator.module.css";

/** Numbers that companies say are theirs: until an operator has seen proof, calls out don't show them. */
export function Numbers() {
  const t = useText();
  const refresh = useRefresh("operatorNumbers", "audit");
  const [all, setAll] = useState(false);
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState<unknown>();
  const { query, rows } = usePages(["operatorNumbers", all], async (pageToken) => {
    const answer = await ask(
      api.GET("/v1/operator/numbers", { params: { query: { pageToken, pageSize: 200, waiting: !all } } }),
    );
    return { rows: answer.numbers ?? [], next: answer.nextPageToken ?? "" };
  });
  const run = async (id: string, work: () => Promise<void>) => {
    setBusy(id);
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(error);
    } finally {
      await refresh();
      setBusy("");
    }
  };
  const approve = async (chosen: readonly BroughtNumber[]) => {
    for (const [tenantId, numbers] of byCompany(chosen)) {
      const params = { path: { tenantId } };
      await ask(
        api.POST("/v1/operator/tenants/{tenantId}/numbers:approve", {
          params,
          body: { numbers: [...numbers] },
        }),
      );
    }
    toast(t("operator.numbers.approved", { count: chosen.length }));
  };
  const revoke = async ({ tenantId = "", number }: BroughtNumber) => {
    const params = { path: { tenantId } };
    const body = { numbers: [number?.number ?? ""] };
    await ask(api.POST("/v1/operator/tenants/{tenantId}/numbers:revoke", { params, body }));
    toast(t("operator.numbers.revoked", { number: number?.number ?? "" }));
  };
  const waiting = rows.filter(({ number }) => !number?.approveTime);
  return (
    <>
      <PageHeader
        title={t("operator.numbers")}
        subtitle={t("operator.numbers.lead")}
        actions={
          waiting.length > 1 && (
            <Button
              variant="default"
              loading={busy === "all"}
              onClick={() => void run("all", () => approve(waiting))}
              data-testid="numbers-approve-all"
            >
              {t("operator.numbers.approveAll", { count: waiting.length })}
            </Button>
          )
        }
      />
      <div className={classes.filters}>
        <Switch
          label={t("operator.numbers.all")}
          checked={all}
          onChange={(event) => setAll(event.currentTarget.checked)}
          data-testid="numbers-all"
        />
      </div>
      <ProblemNote problem={problem} />
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconHash} title={t("operator.numbers.none")}>
            {t("operator.numbers.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("operator.numbers")}
            rows={shown}
            keyOf={(row) => row.number?.number ?? ""}
            testId={(row) => `brought-${row.number?.number}`}
            columns={[
              {
                head: t("setUp.number.pick"),
                cell: ({ number }) => <span className="m-ltr m-figures">{number?.number}</span>,
              },
              { head: t("operator.numbers.company"), cell: ({ tenantName }) => <bdi>{tenantName}</bdi> },
              {
                head: t("operator.state"),
                cell: ({ number }) => (
                  <Tag tone={number?.approveTime ? "good" : "warn"}>
                    {t(number?.approveTime ? "numbers.approved" : "numbers.waits")}
                  </Tag>
                ),
              },
              {
                head: t("admin.numbers.since"),
                cell: ({ number }) => <DateTime value={number?.assignTime} />,
              },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => {
                  const said = row.number?.number ?? "";
                  const verb = row.number?.approveTime ? "revoke" : "approve";
                  return (
                    <Button
                      size="xs"
                      variant="default"
                      loading={busy === said}
                      onClick={() =>
                        void run(said, () => (verb === "approve" ? approve([row]) : revoke(row)))
                      }
                      aria-label={`${t(`operator.numbers.${verb}`)}: ${said}`}
                      data-testid={`brought-${said}-${verb}`}
                    >
                      {t(`operator.numbers.${verb}`)}
                    </Button>
                  );
                },
              },
            ]}
          />
        )}
      </PagedPanel>
    </>
  );
}

function byCompany(chosen: readonly BroughtNumber[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { tenantId = "", number } of chosen)
    found.set(tenantId, [...(found.get(tenantId) ?? []), number?.number ?? ""]);
  return found;
}
