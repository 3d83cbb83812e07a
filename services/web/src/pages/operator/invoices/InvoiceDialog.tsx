import { Button, Group, Modal, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Invoice } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { MoneyAmount } from "../../../ui/Amount.tsx";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { CreditNotes, Facts, Following, Lines, Payments } from "../../admin/billing/InvoiceParts.tsx";
import { Days, DownloadMenu, isZero, numberOf, StateTag } from "../../admin/billing/parts.tsx";
import { CreditForm, PaymentForm, VoidForm } from "./InvoiceForms.tsx";
import { PayBackForm } from "./PayBackForm.tsx";
import { TermsForm } from "./TermsForm.tsx";

type Asked = "payment" | "void" | "credit" | "finalize" | "reissue" | "terms" | "payBack";

interface Props {
  invoice: Invoice;
  onClose: () => void;
}

/** One company's invoice, and what operators may do with it in its state. */
export function InvoiceDialog({ invoice: row, onClose }: Props) {
  const t = useText();
  const refresh = useRefresh(
    "operatorInvoices",
    "operatorInvoice",
    "tenantBillingProfile",
    "tenantCredit",
    "audit",
  );
  const [asked, setAsked] = useState<Asked>();
  const path = { tenantId: row.tenantId ?? "", invoiceId: row.invoiceId ?? "" };
  const { data, error, refetch } = useQuery({
    queryKey: ["operatorInvoice", row.invoiceId],
    queryFn: () => ask(api.GET("/v1/operator/tenants/{tenantId}/invoices/{invoiceId}", { params: { path } })),
  });
  const tenantId = row.tenantId ?? "";
  const credits = useQuery({
    queryKey: ["tenantCredit", tenantId],
    queryFn: () => ask(api.GET("/v1/operator/tenants/{tenantId}/credit", { params: { path: { tenantId } } })),
  });
  const credit = credits.data?.balances?.find((each) => each.currency === data?.total?.currency);
  const done = async () => {
    toast(t("operator.done"));
    await refresh();
  };
  const close = () => setAsked(undefined);
  return (
    <Modal
      opened
      onClose={onClose}
      size="60rem"
      title={row.number ? t("invoice.title", { number: row.number }) : t("invoice.draftTitle")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="operator-invoice"
    >
      {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && (
        <Stack>
          <div>
            <StateTag state={data.state} /> <Days start={data.periodStartTime} end={data.periodEndTime} />
          </div>
          {data.voidReason && (
            <Note tone="warn" title={t("invoice.voidBecause", { reason: data.voidReason })} />
          )}
          <Following invoice={data} />
          <Actions invoice={data} onAsk={setAsked} />
          {credit && (
            <Group gap="xs" data-testid="tenant-credit">
              <span>
                {t("operator.credit.has")}: <MoneyAmount money={credit} />
              </span>
              <Button
                size="xs"
                variant="default"
                onClick={() => setAsked("payBack")}
                data-testid="credit-pay-back"
              >
                {t("operator.payBack")}
              </Button>
            </Group>
          )}
          <Facts invoice={data} />
          <Lines invoice={data} />
          <Payments invoice={data} />
          <CreditNotes invoice={data} />
        </Stack>
      )}
      {data && asked === "payment" && <PaymentForm invoice={data} onClose={close} onDone={done} />}
      {data && asked === "void" && <VoidForm invoice={data} onClose={close} onDone={done} />}
      {data && asked === "credit" && <CreditForm invoice={data} onClose={close} onDone={done} />}
      {data && asked === "terms" && <TermsForm tenantId={row.tenantId ?? ""} onClose={close} onDone={done} />}
      {credit && asked === "payBack" && (
        <PayBackForm tenantId={tenantId} credit={credit} onClose={close} onDone={done} />
      )}
      {data && asked === "reissue" && <Reissue invoice={data} onClose={close} onDone={done} />}
      {data && asked === "finalize" && <Finalize invoice={data} onClose={close} onDone={done} />}
    </Modal>
  );
}

function Actions({ invoice, onAsk }: { invoice: Invoice; onAsk: (asked: Asked) => void }) {
  const t = useText();
  const state = invoice.state ?? "";
  const payable = state === "INVOICE_STATE_FINALIZED" || state === "INVOICE_STATE_OVERDUE";
  const untouched = isZero(invoice.paid) && isZero(invoice.credited);
  const documents = `/v1/operator/tenants/${invoice.tenantId}/invoices/${invoice.invoiceId}/document`;
  return (
    <Group gap="xs">
      {state === "INVOICE_STATE_DRAFT" && (
        <Button onClick={() => onAsk("finalize")} data-testid="invoice-finalize">
          {t("operator.finalize")}
        </Button>
      )}
      {payable && (
        <Button onClick={() => onAsk("payment")} data-testid="invoice-payment">
          {t("operator.recordPayment")}
        </Button>
      )}
      {(payable || state === "INVOICE_STATE_PAID") && (
        <Button variant="default" onClick={() => onAsk("credit")} data-testid="invoice-credit">
          {t("operator.credit")}
        </Button>
      )}
      {payable && untouched && (
        <Button variant="default" onClick={() => onAsk("void")} data-testid="invoice-void">
          {t("operator.void")}
        </Button>
      )}
      {state === "INVOICE_STATE_VOID" && !invoice.followedByInvoiceId && (
        <Button onClick={() => onAsk("reissue")} data-testid="invoice-reissue">
          {t("reissue.action")}
        </Button>
      )}
      <Button variant="default" onClick={() => onAsk("terms")} data-testid="invoice-terms">
        {t("terms.title")}
      </Button>
      {invoice.number && (
        <>
          <DownloadMenu path={documents} number={numberOf(invoice)} />
          <Verify invoice={invoice} />
        </>
      )}
    </Group>
  );
}

/** Whether it still is what its events and plan make. */
function Verify({ invoice }: { invoice: Invoice }) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<{ identical?: boolean; differences?: string[] }>();
  const [problem, setProblem] = useState<unknown>();
  const verify = async () => {
    setBusy(true);
    setProblem(undefined);
    const path = { tenantId: invoice.tenantId ?? "", invoiceId: invoice.invoiceId ?? "" };
    try {
      const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}:rebuild";
      setFound(await ask(api.GET(address, { params: { path } })));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button variant="default" loading={busy} onClick={() => void verify()} data-testid="invoice-verify">
        {t("operator.verify")}
      </Button>
      {found?.identical && (
        <Note tone="good" live title={t("operator.identical")} testId="invoice-identical" />
      )}
      {found && !found.identical && (
        <Note tone="bad" live title={t("operator.different")}>
          <ul dir="ltr">
            {(found.differences ?? []).map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Note>
      )}
      <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
    </>
  );
}

function Reissue({ invoice, onClose, onDone }: Props & { onDone: () => Promise<void> }) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const reissue = async () => {
    const path = { tenantId: invoice.tenantId ?? "", invoiceId: invoice.invoiceId ?? "" };
    const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}:reissue";
    await ask(api.POST(address, { params: { path }, body: { requestId } }));
    await onDone();
  };
  return (
    <Confirm
      opened
      title={t("reissue.action")}
      body={t("reissue.body")}
      confirm={t("reissue.action")}
      onConfirm={reissue}
      onClose={onClose}
    />
  );
}

function Finalize({ invoice, onClose, onDone }: Props & { onDone: () => Promise<void> }) {
  const t = useText();
  const [requestId] = useState(newRequestId);
  const finalize = async () => {
    const path = { tenantId: invoice.tenantId ?? "", invoiceId: invoice.invoiceId ?? "" };
    const body = { requestId, version: invoice.version };
    const address = "/v1/operator/tenants/{tenantId}/invoices/{invoiceId}:finalize";
    await ask(api.POST(address, { params: { path }, body }));
    await onDone();
  };
  return (
    <Confirm
      opened
      title={t("operator.finalize")}
      body={t("operator.finalizeBody")}
      confirm={t("operator.finalize")}
      onConfirm={finalize}
      onClose={onClose}
    />
  );
}
