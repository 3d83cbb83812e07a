import { Button, Group, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { useBrands } from "../../../api/names.ts";
import type { BrandStatement } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import { Cost, Days } from "../billing/parts.tsx";
import { AccountForm } from "./AccountForm.tsx";

/** A period by brand: what it costs, what the client pays, and issuing the bill once it is over. */
export function Period() {
  const t = useText();
  const [chosen, setWhich] = useState("last");
  const now = useStatements(undefined);
  const start = now.data?.periodStartTime;
  // Before its first plan there was nothing to bill.
  const first = start && now.data?.firstPeriodStartTime === start;
  const before = start && !first ? new Date(Date.parse(start) - 1000).toISOString() : undefined;
  const which = first ? "this" : chosen;
  const last = useStatements(before, which === "last" && before !== undefined);
  const { data, error, refetch } = which === "last" ? (now.error ? now : last) : now;
  return (
    <section aria-label={t("clients.period")} data-testid="client-period">
      <h2 className={watch.title}>{t("clients.period")}</h2>
      <Group mb="sm">
        <SegmentedControl
          aria-label={t("clients.period")}
          value={which}
          onChange={setWhich}
          data={[
            { value: "last", label: t("clients.lastPeriod"), disabled: Boolean(first) },
            { value: "this", label: t("clients.thisPeriod") },
          ]}
        />
        {data && <Days start={data.periodStartTime} end={data.periodEndTime} />}
      </Group>
      {error ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : data ? (
        <Brands
          statements={data.statements ?? []}
          time={data.periodStartTime ?? ""}
          open={which === "this"}
        />
      ) : (
        <Loading />
      )}
    </section>
  );
}

function useStatements(time: string | undefined, enabled = true) {
  return useQuery({
    queryKey: ["brandStatements", time],
    queryFn: () => ask(api.GET("/v1/brandStatements", { params: { query: { time } } })),
    enabled,
  });
}

interface BrandsProps {
  statements: readonly BrandStatement[];
  time: string;
  open: boolean;
}

function Brands({ statements, time, open }: BrandsProps) {
  const t = useText();
  const refresh = useRefresh("brandStatements", "clientBills", "billSender");
  const brands = useBrands().data ?? [];
  const [editing, setEditing] = useState<string>();
  const [issuing, setIssuing] = useState<{ brandId: string; requestId: string }>();
  const nameOf = (id: string | undefined) =>
    id ? (brands.find((each) => each.brandId === id)?.displayName ?? id) : t("clients.none");
  const there = new Set(statements.map((each) => each.brandId));
  const idle = brands.filter((each) => !there.has(each.brandId)).map((each) => ({ brandId: each.brandId }));
  const issue = async () => {
    if (!issuing) return;
    const bill = await ask(api.POST("/v1/clientBills", { body: { ...issuing, time } })).finally(refresh);
    toast(t("clients.issued", { number: bill.number ?? "" }));
  };
  const rows: BrandStatement[] = [...statements, ...idle];
  return (
    <Panel flush>
      <DataTable
        label={t("clients.period")}
        rows={rows}
        keyOf={(row) => row.brandId ?? ""}
        testId={(row) => `brand-${row.brandId || "none"}`}
        columns={[
          { head: t("clients.brand"), cell: (row) => <bdi>{nameOf(row.brandId)}</bdi> },
          { head: t("clients.cost"), cell: (row) => <Cost money={row.cost} /> },
          {
            head: t("clients.price"),
            cell: (row) =>
              row.price ? (
                <Cost money={row.price} />
              ) : row.brandId ? (
                <span className={watch.faint}>{t("clients.notPriced")}</span>
              ) : (
                "–"
              ),
          },
          {
            head: t("common.actions"),
            quiet: true,
            cell: (row) =>
              row.brandId ? (
                <Group gap="xs" justify="flex-end">
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`${t("clients.setUp")}: ${nameOf(row.brandId)}`}
                    onClick={() => setEditing(row.brandId)}
                    data-testid={`brand-${row.brandId}-set-up`}
                  >
                    {t("clients.setUp")}
                  </Button>
                  {row.clientBillId ? (
                    <Tag tone="good">{t("clients.billed")}</Tag>
                  ) : open ? (
                    <span className={watch.faint}>{t("clients.open")}</span>
                  ) : (
                    row.price && (
                      <Button
                        size="compact-sm"
                        aria-label={`${t("clients.issue")}: ${nameOf(row.brandId)}`}
                        onClick={() => setIssuing({ brandId: row.brandId ?? "", requestId: newRequestId() })}
                        data-testid={`brand-${row.brandId}-issue`}
                      >
                        {t("clients.issue")}
                      </Button>
                    )
                  )}
                </Group>
              ) : null,
          },
        ]}
      />
      {editing && (
        <AccountForm brandId={editing} name={nameOf(editing)} onClose={() => setEditing(undefined)} />
      )}
      <Confirm
        opened={issuing !== undefined}
        title={t("clients.issueTitle", { name: nameOf(issuing?.brandId) })}
        body={t("clients.issueBody")}
        confirm={t("clients.issue")}
        onClose={() => setIssuing(undefined)}
        onConfirm={issue}
      />
    </Panel>
  );
}
