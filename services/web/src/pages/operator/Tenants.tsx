import { Button, Group, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBuildingStore, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { planName, usePlans } from "../../api/plan.ts";
import type { Tenant, TenantOverview, TenantState } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Confirm } from "../../ui/Confirm.tsx";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { LimitPassings } from "./LimitPassings.tsx";
import classes from "./operator.module.css";
import { SuspendForm } from "./SuspendForm.tsx";
import { TenantWallet } from "./TenantWallet.tsx";

const STATES = ["TENANT_STATE_ACTIVE", "TENANT_STATE_SUSPENDED"] as const satisfies readonly TenantState[];

/** The companies of this installation, newest first, and letting one in or not. */
export function Tenants() {
  const t = useText();
  const refresh = useRefresh("operatorTenants", "audit");
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed.trim(), 300);
  const [state, setState] = useState<TenantState>();
  const [suspending, setSuspending] = useState<Tenant>();
  const [wallet, setWallet] = useState<Tenant>();
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
  if (wallet) return <TenantWallet tenant={wallet} onBack={() => setWallet(undefined)} />;
  const filtered = wanted !== "" || state !== undefined;
  return (
    <>
      <PageHeader title={t("operator.tenants")} subtitle={t("operator.lead")} />
      <LimitPassings />
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
            onWallet={setWallet}
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
  onWallet: (tenant: Tenant) => void;
  onResume: (tenant: Tenant) => void;
}

function TenantTable({ rows, onSuspend, onWallet, onResume }: TableProps) {
  const t = useText();
  const language = useLanguage();
  const plans = usePlans().data?.plans;
  const planOf = (id: string | undefined) => planName(plans?.find((plan) => plan.planId === id)) || id;
  const columns: Column<TenantOverview>[] = [
    {
      head: t("common.name"),
      cell: ({ tenant, ownerEmail }) => (
        <>
          <bdi>{tenant?.displayName}</bdi>
          <div className={classes.small}>
            <bdi>{ownerEmail || "–"}</bdi>
          </div>
        </>
      ),
    },
    { head: t("operator.plan"), cell: ({ tenant }) => planOf(tenant?.planId) },
    { head: t("operator.state"), cell: ({ tenant = {} }) => <Standing tenant={tenant} /> },
    {
      head: t("nav.people"),
      cell: ({ userCount }) => <span className="m-figures">{formatNumber(userCount ?? 0, language)}</span>,
    },
    { head: t("operator.created"), cell: ({ tenant }) => <DateTime value={tenant?.createTime} /> },
    {
      head: t("common.actions"),
      quiet: true,
      cell: ({ tenant = {} }) => {
        const verb = suspended(tenant) ? "resume" : "suspend";
        return (
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              onClick={() => onWallet(tenant)}
              aria-label={`${t("wallet.title")}: ${tenant.displayName}`}
              data-testid={`tenant-${tenant.tenantId}-wallet`}
            >
              {t("wallet.title")}
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() => (suspended(tenant) ? onResume(tenant) : onSuspend(tenant))}
              aria-label={`${t(`operator.${verb}`)}: ${tenant.displayName}`}
              data-testid={`tenant-${tenant.tenantId}-${verb}`}
            >
              {t(`operator.${verb}`)}
            </Button>
          </Group>
        );
      },
    },
  ];
  return (
    <DataTable
      label={t("operator.tenants")}
      columns={columns}
      rows={rows}
      keyOf={({ tenant }) => tenant?.tenantId ?? ""}
      testId={({ tenant }) => `tenant-${tenant?.tenantId}`}
    />
  );
}

function Standing({ tenant }: { tenant: Tenant }) {
  return (
    <>
      <Tag tone={suspended(tenant) ? "bad" : "good"}>{textOr("operator.state", tenant.state ?? "")}</Tag>
      {tenant.suspendReason && (
        <div className={`${classes.small} ${classes.reason}`}>
          <bdi>{tenant.suspendReason}</bdi>
        </div>
      )}
    </>
  );
}

function suspended(tenant: Tenant): boolean {
  return tenant.state === "TENANT_STATE_SUSPENDED";
}
