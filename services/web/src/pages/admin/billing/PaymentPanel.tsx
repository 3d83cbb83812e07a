import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { formatMoney } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Note } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import classes from "./billing.module.css";

export function usePaymentOptions() {
  return useQuery({ queryKey: ["paymentOptions"], queryFn: () => ask(api.GET("/v1/paymentOptions")) });
}

/** How the company pays: by a card that is put in at the provider's page, or by bank. */
export function PaymentPanel() {
  const t = useText();
  const language = useLanguage();
  const { data, error, refetch } = usePaymentOptions();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return null;
  const setUp = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { url } = await ask(
        api.POST("/v1/paymentOptions:setUp", { body: { requestId: newRequestId() } }),
      );
      location.assign(url ?? "");
    } catch (failed) {
      setProblem(failed);
      setBusy(false);
    }
  };
  return (
    <Panel label={t("payment.title")} testId="payment-options">
      <h2 className={watch.title}>{t("payment.title")}</h2>
      {data.provider ? (
        <>
          <p className={classes.text}>
            {data.method ? t("payment.card", { method: data.method }) : t("payment.noCard")}
          </p>
          <Button
            variant={data.method ? "default" : "filled"}
            loading={busy}
            onClick={() => void setUp()}
            data-testid="payment-setup"
          >
            {data.method ? t("payment.change") : t("payment.setUp")}
          </Button>
          <p className={watch.faint}>{t("payment.leaves")}</p>
          <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
        </>
      ) : (
        <p className={classes.text}>{t("payment.byHand")}</p>
      )}
      {!data.method && (
        <p className={classes.instructions} data-testid="payment-instructions">
          <bdi>{data.paymentInstructions || t("payment.noInstructions")}</bdi>
        </p>
      )}
      {(data.balances ?? []).map((each) => (
        <Note
          key={each.currency}
          tone="good"
          title={t("payment.balance", {
            amount: formatMoney(each.amount ?? "0", each.currency ?? "", language),
          })}
        />
      ))}
    </Panel>
  );
}
