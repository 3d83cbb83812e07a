import { Button, Group } from "@mantine/core";
import { IconWallet } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { asProblem } from "../../api/problem.ts";
import type { Grant, Tenant, Wallet } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { Balances, Grants, LedgerList } from "../admin/WalletView.tsx";
import classes from "./operator.module.css";
import { TopUpForm } from "./TopUpForm.tsx";
import { WalletForm } from "./WalletForm.tsx";

/** A company's prepaid money, as operators keep it. */
export function TenantWallet({ tenant, onBack }: { tenant: Tenant; onBack: () => void }) {
  const t = useText();
  const tenantId = tenant.tenantId ?? "";
  const refresh = useRefresh("tenantWallet", "tenantLedger");
  const [open, setOpen] = useState<"settings" | "topUp" | Grant>();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["tenantWallet", tenantId],
    queryFn: () => ask(api.GET("/v1/operator/tenants/{tenantId}/wallet", { params: { path: { tenantId } } })),
    retry: (count, failure) => asProblem(failure).status !== 404 && count < 2,
  });
  const none = error !== null && asProblem(error).status === 404;
  const close = () => setOpen(undefined);
  return (
    <>
      <PageHeader
        title={t("wallet.of", { name: `\u2068${tenant.displayName ?? ""}\u2069` })}
        subtitle={t("wallet.lead")}
        actions={
          <Button variant="default" onClick={onBack} data-testid="wallet-back">
            {t("wallet.back")}
          </Button>
        }
      />
      {isPending && <Loading />}
      {error && !none && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {none && (
        <Panel>
          <EmptyState icon={IconWallet} title={t("wallet.none")}>
            <p>{t("wallet.noneBody")}</p>
            <Button onClick={() => setOpen("settings")} data-testid="wallet-make">
              {t("wallet.make")}
            </Button>
          </EmptyState>
        </Panel>
      )}
      {data && !none && (
        <div className={classes.stack}>
          <Balances
            wallet={data}
            actions={
              <Group gap="xs">
                <Button size="sm" onClick={() => setOpen("topUp")} data-testid="wallet-top-up">
                  {t("wallet.topUp")}
                </Button>
                <Button
                  size="sm"
                  variant="default"
                  onClick={() => setOpen("settings")}
                  data-testid="wallet-settings"
                >
                  {t("wallet.settings")}
                </Button>
              </Group>
            }
          />
          <Grants
            wallet={data}
            last={(grant) => (
              <Button
                size="xs"
                variant="default"
                onClick={() => setOpen(grant)}
                aria-label={`${t("wallet.takeBack")}: ${grant.left?.amount}`}
              >
                {t("wallet.takeBack")}
              </Button>
            )}
          />
          <LedgerList
            queryKey={["tenantLedger", tenantId]}
            read={async (pageToken) => {
              const params = { path: { tenantId }, query: { pageToken } };
              const answer = await ask(
                api.GET("/v1/operator/tenants/{tenantId}/wallet/ledgerEntries", { params }),
              );
              return { rows: answer.entries ?? [], next: answer.nextPageToken ?? "" };
            }}
          />
        </div>
      )}
      {open === "settings" && (
        <WalletForm
          tenantId={tenantId}
          wallet={none ? undefined : (data as Wallet | undefined)}
          onClose={close}
          onDone={refresh}
        />
      )}
      {open === "topUp" && (
        <TopUpForm tenantId={tenantId} currency={data?.currency ?? ""} onClose={close} onDone={refresh} />
      )}
      {typeof open === "object" && (
        <TakeBackForm tenantId={tenantId} grant={open} onClose={close} onDone={refresh} />
      )}
    </>
  );
}

interface TakeBackProps {
  tenantId: string;
  grant: Grant;
  onClose: () => void;
  onDone: () => Promise<void>;
}

function TakeBackForm({ tenantId, grant, onClose, onDone }: TakeBackProps) {
  const t = useText();
  const [note, setNote] = useState("");
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const params = { path: { tenantId, grantId: grant.grantId ?? "" } };
    await ask(
      api.POST("/v1/operator/tenants/{tenantId}/wallet/grants/{grantId}:takeBack", {
        params,
        body: { requestId, note },
      }),
    ).finally(onDone);
    toast(t("wallet.saved"));
  };
  return (
    <FormModal
      title={t("wallet.takeBack")}
      saveLabel={t("wallet.takeBack")}
      saveColor="red"
      onClose={onClose}
      onSave={save}
      testId="take-back"
    >
      <p style={{ margin: 0 }}>{t("wallet.takeBackBody")}</p>
      <TextField
        label={t("wallet.note")}
        required
        maxLength={200}
        data-autofocus
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </FormModal>
  );
}
