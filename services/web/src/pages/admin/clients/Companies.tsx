import { Button, Group, SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { ResoldStatement } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import { Cost, Days } from "../billing/parts.tsx";
import { CompanyForm } from "./CompanyForm.tsx";
import { usePriceLists } from "./PriceLists.tsx";

/** The companies a reseller has, with its margin; nothing for who resells nobody. */
export function Companies() {
  const t = useText();
  const refresh = useRefresh("resaleStatements", "clientBills", "billSender");
  const [problem, setProblem] = useState<unknown>();
  const lists = usePriceLists().data?.priceLists ?? [];
  const [which, setWhich] = useState("last");
  const [editing, setEditing] = useState<ResoldStatement>();
  const [issuing, setIssuing] = useState<{ tenantId: string; time: string; requestId: string }>();
  const now = useStatements(undefined);
  const starts = (now.data?.statements ?? []).map((each) => Date.parse(each.periodStartTime ?? ""));
  // A moment before all of them have begun lies in a period of each that is over.
  const before = starts.length > 0 ? new Date(Math.min(...starts) - 1000).toISOString() : undefined;
  const last = useStatements(before, which === "last" && before !== undefined);
  const { data, error, refetch } = which === "last" && before ? last : now;
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (starts.length === 0) return null;
  const rows = data?.statements ?? [];
  const nameOf = (row: ResoldStatement) => row.tenantName || row.tenantId || "";
  const issue = async () => {
    if (!issuing) return;
    const bill = await ask(api.POST("/v1/resaleBills", { body: issuing })).finally(refresh);
    toast(t("clients.issued", { number: bill.number ?? "" }));
  };
  const set = async (row: ResoldStatement, priceListId: string) => {
    setProblem(undefined);
    const price = { tenantId: row.tenantId, priceListId };
    try {
      await ask(api.POST("/v1/resalePrices:set", { body: { price, version: row.priceVersion } }));
      toast(t("common.saved"));
    } catch (error) {
      setProblem(error);
    } finally {
      await refresh();
    }
  };
  return (
    <section aria-label={t("resale.title")} data-testid="resale">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("resale.title")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("resale.lead")}
      </p>
      <ProblemNote problem={problem} />
      <SegmentedControl
        mb="sm"
        aria-label={t("resale.period")}
        value={which}
        onChange={setWhich}
        data={[
          { value: "last", label: t("clients.lastPeriod") },
          { value: "this", label: t("clients.thisPeriod") },
        ]}
      />
      <Panel flush>
        <DataTable
          label={t("resale.title")}
          rows={rows}
          keyOf={(row) => row.tenantId ?? ""}
          columns={[
            { head: t("resale.company"), cell: (row) => <bdi>{nameOf(row)}</bdi> },
            {
              head: t("invoice.period"),
              cell: (row) => <Days start={row.periodStartTime} end={row.periodEndTime} />,
            },
            { head: t("clients.cost"), cell: (row) => <Cost money={row.cost} /> },
            {
              head: t("resale.pays"),
              cell: (row) =>
                row.price ? (
                  <Cost money={row.price} />
                ) : (
                  <span className={watch.faint}>{t("clients.notPriced")}</span>
                ),
            },
            {
              head: t("resale.setPrice"),
              cell: (row) => (
                <Select
                  aria-label={`${t("resale.setPrice")}: ${nameOf(row)}`}
                  size="xs"
                  placeholder={t("resale.setPrice")}
                  data={lists.map((each) => ({ value: each.priceListId ?? "", label: each.name ?? "" }))}
                  value={null}
                  onChange={(id) => id && void set(row, id)}
                />
              ),
            },
            {
              head: t("common.actions"),
              quiet: true,
              cell: (row) => (
                <Group gap="xs" justify="flex-end">
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`${t("clients.setUp")}: ${nameOf(row)}`}
                    onClick={() => setEditing(row)}
                    data-testid={`company-${row.tenantId}-set-up`}
                  >
                    {t("clients.setUp")}
                  </Button>
                  {row.clientBillId ? (
                    <Tag tone="good">{t("clients.billed")}</Tag>
                  ) : which === "this" ? (
                    <span className={watch.faint}>{t("clients.open")}</span>
                  ) : (
                    row.price && (
                      <Button
                        size="compact-sm"
                        aria-label={`${t("clients.issue")}: ${nameOf(row)}`}
                        onClick={() =>
                          setIssuing({
                            tenantId: row.tenantId ?? "",
                            time: row.periodStartTime ?? "",
                            requestId: newRequestId(),
                          })
                        }
                        data-testid={`company-${row.tenantId}-issue`}
                      >
                        {t("clients.issue")}
                      </Button>
                    )
                  )}
                </Group>
              ),
            },
          ]}
        />
        {rows.length === 0 && data && <p className={watch.padTitle}>{t("resale.noneThen")}</p>}
      </Panel>
      {editing && (
        <CompanyForm
          tenantId={editing.tenantId ?? ""}
          name={nameOf(editing)}
          onClose={() => setEditing(undefined)}
        />
      )}
      <Confirm
        opened={issuing !== undefined}
        title={t("clients.issueTitle", {
          name: nameOf(rows.find((each) => each.tenantId === issuing?.tenantId) ?? {}),
        })}
        body={t("clients.issueBody")}
        confirm={t("clients.issue")}
        onClose={() => setIssuing(undefined)}
        onConfirm={issue}
      />
    </section>
  );
}

function useStatements(time: string | undefined, enabled = true) {
  return useQuery({
    queryKey: ["resaleStatements", time],
    queryFn: () => ask(api.GET("/v1/resaleStatements", { params: { query: { time } } })),
    enabled,
  });
}
