import { Button, Group } from "@mantine/core";
import { IconFileInvoice } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { ClientBill } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import watch from "../../watch/watch.module.css";
import { Cost, Days, DownloadMenu } from "../billing/parts.tsx";

/** Bills that were issued, the last one first. */
export function Bills() {
  const t = useText();
  const names = useNames();
  const [voiding, setVoiding] = useState<ClientBill>();
  const { query, rows } = usePages<ClientBill>(["clientBills"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/clientBills", { params: { query: { pageToken } } }));
    return { rows: answer.bills ?? [], next: answer.nextPageToken ?? "" };
  });
  return (
    <section aria-label={t("clients.bills")} data-testid="client-bills">
      <h2 className={watch.title}>{t("clients.bills")}</h2>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconFileInvoice} title={t("clients.noBills")}>
            {t("clients.noBillsBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("clients.bills")}
            rows={shown}
            keyOf={(row) => row.clientBillId ?? ""}
            testId={(row) => `bill-${row.number}`}
            columns={[
              { head: t("invoice.number"), cell: (row) => <bdi>{row.number}</bdi> },
              { head: t("clients.client"), cell: (row) => <bdi>{clientOf(row, names.brand)}</bdi> },
              {
                head: t("invoice.period"),
                cell: (row) => <Days start={row.periodStartTime} end={row.periodEndTime} />,
              },
              { head: t("invoice.state"), cell: (row) => <State bill={row} /> },
              { head: t("clients.cost"), cell: (row) => <Cost money={row.cost} /> },
              { head: t("invoice.total"), cell: (row) => <Cost money={row.total} /> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => (
                  <Group gap="xs" justify="flex-end">
                    <DownloadMenu
                      path={`/v1/clientBills/${row.clientBillId}/document`}
                      number={row.number ?? ""}
                      compact
                    />
                    {row.state === "CLIENT_BILL_STATE_ISSUED" && (
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        color="red"
                        aria-label={t("clients.voidTitle", { number: row.number ?? "" })}
                        onClick={() => setVoiding(row)}
                      >
                        {t("clients.void")}
                      </Button>
                    )}
                  </Group>
                ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {voiding && <VoidForm bill={voiding} onClose={() => setVoiding(undefined)} />}
    </section>
  );
}

/** Who it was sent to, as they were called then. */
function clientOf(bill: ClientBill, brandName: (id: string | undefined) => string): string {
  return bill.clientName || bill.tenantId || brandName(bill.brandId);
}

function State({ bill }: { bill: ClientBill }) {
  const t = useText();
  const isVoid = bill.state === "CLIENT_BILL_STATE_VOID";
  return (
    <Tag tone={isVoid ? "neutral" : "good"}>{t(isVoid ? "clients.state.VOID" : "clients.state.ISSUED")}</Tag>
  );
}

function VoidForm({ bill, onClose }: { bill: ClientBill; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("clientBills", "brandStatements", "resaleStatements");
  const [reason, setReason] = useState("");
  const save = () =>
    ask(
      api.POST("/v1/clientBills/{clientBillId}:void", {
        params: { path: { clientBillId: bill.clientBillId ?? "" } },
        body: { reason, version: bill.version },
      }),
    ).finally(refresh);
  return (
    <FormModal
      title={t("clients.voidTitle", { number: bill.number ?? "" })}
      saveLabel={t("clients.void")}
      saveColor="red"
      onClose={onClose}
      onSave={save}
      testId="void-bill"
    >
      <TextField
        label={t("clients.voidReason")}
        required
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormModal>
  );
}
