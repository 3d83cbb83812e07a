import { Button, Select, Table, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBuildingStore, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { Tenant, TenantOverview, TenantState } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Confirm } from "../../ui/Confirm.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, TableWrap } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "./operator.module.css";
import { SuspendForm } from "./SuspendForm.tsx";

const STATES = ["TENANT_STATE_ACTIVE", "TENANT_STATE_SUSPENDED"] as const satisfies readonly TenantState[];

/** The companies of this installation, newest first, and letting one in or not. */
export function Tenants() {
  const t = useText();
  const refresh = useRefresh("operatorTenants", "audit");
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed.trim(), 300);
  const [state, setState] = useState<TenantState>();
  const [suspending, setSuspending] = useState<Tenant>();
  const [resuming, setResuming] = useState<{ tenant: Tenant; requestId: string }>();
  const { query, rows } = usePages(["operatorTenants", wanted, state], async (pageToken) => {
    const answer = await ask(
      api.GET("/v1/operator/tenants", {
        params: { query: { pageToken, query: wanted || undefined, state } },
      }),
    );
    return { rows: answer.tenants ?? [], next: answer.nextPageToken ?? "" };
  });
  const resume = async () => {
    if (!resuming) return;
    const { tenant, requestId } = resuming;
    const params = { path: { tenantId: tenant.tenantId ?? "" } };
    const body = { requestId, version: tenant.version };
    await ask(api.POST("/v1/operator/tenants/{tenantId}:resume", { params, body })).finally(refresh);
    toast(t("operator.resumed", { name: tenant.displayName ?? "" }));
  };
  const filtered = wanted !== "" || state !== undefined;
  return (
    <>
      <PageHeader title={t("operator.tenants")} subtitle={t("operator.lead")} />
      <div className={classes.filters}>
        <TextInput
          label={t("common.search")}
          placeholder={t("operator.searchHint")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          style={{ flex: 1, minWidth: 200, maxWidth: 420 }}
          data-testid="tenants-search"
        />
        <Select
          label={t("operator.state")}
          placeholder={t("operator.allStates")}
          clearable
          clearButtonProps={{ "aria-label": t("operator.allStates") }}
          data={STATES.map((value) => ({ value, label: textOr("operator.state", value) }))}
          value={state ?? null}
          onChange={(next) => setState((next as TenantState | null) ?? undefined)}
          data-testid="tenants-state"
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState
            icon={IconBuildingStore}
            title={filtered ? t("watch.nothingFound") : t("operator.none")}
          >
            {filtered ? t("watch.nothingFoundBody") : t("operator.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <TenantTable
            rows={shown}
            onSuspend={setSuspending}
            onResume={(tenant) => setResuming({ tenant, requestId: newRequestId() })}
          />
        )}
      </PagedPanel>
      {suspending && (
        <SuspendForm tenant={suspending} onClose={() => setSuspending(undefined)} onDone={refresh} />
      )}
      {resuming && (
        <Confirm
          opened
          title={t("operator.resumeTitle", { name: resuming.tenant.displayName ?? "" })}
          body={t("operator.resumeBody")}
          confirm={t("operator.resume")}
          onConfirm={resume}
          onClose={() => setResuming(undefined)}
        />
      )}
    </>
  );
}

interface TableProps {
  rows: readonly TenantOverview[];
  onSuspend: (tenant: Tenant) => void;
  onResume: (tenant: Tenant) => void;
}

function TenantTable({ rows, onSuspend, onResume }: TableProps) {
  const t = useText();
  const language = useLanguage();
  const plans = useQuery({
    queryKey: ["plans"],
    queryFn: () => ask(api.GET("/v1/plans")),
    staleTime: 60_000,
  }).data?.plans;
  const planName = (id: string | undefined) =>
    plans?.find((plan) => plan.planId === id)?.names?.[language] ?? id;
  return (
    <TableWrap label={t("operator.tenants")}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("common.name")}</Table.Th>
            <Table.Th>{t("operator.plan")}</Table.Th>
            <Table.Th>{t("operator.state")}</Table.Th>
            <Table.Th>{t("nav.people")}</Table.Th>
            <Table.Th>{t("operator.created")}</Table.Th>
            <Table.Th aria-label={t("common.actions")} />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ tenant = {}, ownerEmail, userCount }) => {
            const suspended = tenant.state === "TENANT_STATE_SUSPENDED";
            return (
              <Table.Tr key={tenant.tenantId} data-testid={`tenant-${tenant.tenantId}`}>
                <Table.Td>
                  <bdi>{tenant.displayName}</bdi>
                  <div className={classes.small}>
                    <bdi>{ownerEmail || "–"}</bdi>
                  </div>
                </Table.Td>
                <Table.Td>{planName(tenant.planId)}</Table.Td>
                <Table.Td>
                  <Tag tone={suspended ? "bad" : "good"}>{textOr("operator.state", tenant.state ?? "")}</Tag>
                  {tenant.suspendReason && (
                    <div className={`${classes.small} ${classes.reason}`}>
                      <bdi>{tenant.suspendReason}</bdi>
                    </div>
                  )}
                </Table.Td>
                <Table.Td>
                  <span className="m-figures">{formatNumber(userCount ?? 0, language)}</span>
                </Table.Td>
                <Table.Td>
                  <DateTime value={tenant.createTime} />
                </Table.Td>
                <Table.Td style={{ textAlign: "end" }}>
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => (suspended ? onResume(tenant) : onSuspend(tenant))}
                    aria-label={`${t(suspended ? "operator.resume" : "operator.suspend")}: ${tenant.displayName}`}
                    data-testid={`tenant-${tenant.tenantId}-${suspended ? "resume" : "suspend"}`}
                  >
                    {t(suspended ? "operator.resume" : "operator.suspend")}
                  </Button>
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </TableWrap>
  );
}
