import { Anchor, Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Invoice } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { failureText } from "../../../ui/failureText.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { PageHeader } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { useRefreshOn } from "../../watch/useRefreshOn.ts";
import watch from "../../watch/watch.module.css";
import { CreditNotes, Facts, Following, Lines, Payments } from "./InvoiceParts.tsx";
import { usePaymentOptions } from "./PaymentPanel.tsx";
import { Days, DownloadMenu, documentPath, isZero, StateTag } from "./parts.tsx";

const PAYABLE: readonly (string | undefined)[] = ["INVOICE_STATE_FINALIZED", "INVOICE_STATE_OVERDUE"];

/** One invoice: what it says, down to each record, what was paid, and its documents. */
export function InvoicePage({ invoiceId }: { invoiceId: string }) {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["invoices", invoiceId],
    queryFn: () => ask(api.GET("/v1/invoices/{invoiceId}", { params: { path: { invoiceId } } })),
  });
  useRefreshOn(["invoices"], "InvoiceFinalized", "InvoicePaid", "InvoiceOverdue", "InvoiceVoided");
  const back = (
    <Anchor component={Link} href="/admin/billing">
      {t("invoice.back")}
    </Anchor>
  );
  if (error) {
    return (
      <>
        {back}
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      </>
    );
  }
  if (!data) return <Loading />;
  return (
    <>
      {back}
      <PageHeader
        title={data.number ? t("invoice.title", { number: data.number }) : t("invoice.draftTitle")}
        subtitle={
          <>
            <StateTag state={data.state} /> <Days start={data.periodStartTime} end={data.periodEndTime} />
            {data.resale && <> · {t("invoice.resale")}</>}
            {data.inAdvance && <> · {t("invoice.onlyAdvance")}</>}
          </>
        }
        actions={data.number && <Actions invoice={data} number={data.number} />}
      />
      <div className={watch.stack}>
        {!data.number && <Note title={t("invoice.draftTitle")}>{t("invoice.draftBody")}</Note>}
        {data.voidReason && (
          <Note tone="warn" title={t("invoice.voidBecause", { reason: data.voidReason })} />
        )}
        {inSteps(data) && <Note title={t("invoice.steps")}>{t("invoice.stepsBody")}</Note>}
        <Following invoice={data} />
        <Facts invoice={data} />
        <Lines invoice={data} records />
        <Payments invoice={data} />
        <CreditNotes invoice={data} path="/v1/creditNotes" />
      </div>
    </>
  );
}

/** Whether a card can't be charged what is owed to the last digit: dinars of three digits are taken in steps of ten. */
function inSteps({ owed }: Invoice): boolean {
  const dinars = ["BHD", "JOD", "KWD", "OMR", "TND"].includes(owed?.currency ?? "");
  return dinars && /\.\d\d[1-9]$/.test(owed?.amount ?? "");
}

function Actions({ invoice, number }: { invoice: Invoice; number: string }) {
  const options = usePaymentOptions().data;
  const payable = PAYABLE.includes(invoice.state) && !isZero(invoice.owed);
  return (
    <>
      {payable && options?.method && <PayNow invoice={invoice} />}
      <DownloadMenu path={documentPath(invoice)} number={number} />
    </>
  );
}

function PayNow({ invoice }: { invoice: Invoice }) {
  const t = useText();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [requestId] = useState(newRequestId);
  const [problem, setProblem] = useState<unknown>();
  const pay = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const path = { invoiceId: invoice.invoiceId ?? "" };
      const done = await ask(
        api.POST("/v1/invoices/{invoiceId}:pay", { params: { path }, body: { requestId } }),
      );
      const failure = done.payments?.findLast((each) => each.state === "FAILED")?.failure;
      if (done.state === "INVOICE_STATE_PAID") toast(t("invoice.payNowDone"));
      else
        toast(
          failure ? t("invoice.payNowFailed", { failure: failureText(failure) }) : t("invoice.payNowWaits"),
        );
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
      await queries.invalidateQueries({ queryKey: ["invoices"] });
    }
  };
  return (
    <div>
      <Button loading={busy} onClick={() => void pay()} data-testid="invoice-pay">
        {t("invoice.payNow")}
      </Button>
      <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
    </div>
  );
}
