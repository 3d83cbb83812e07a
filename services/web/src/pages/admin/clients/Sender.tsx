import { Button, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { BillSender } from "../../../api/types.ts";
import { isolated } from "../../../format/isolated.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Form } from "../../../ui/Form.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import { AddressFields } from "../billing/AddressFields.tsx";
import billing from "../billing/billing.module.css";

/** A number has at least so many digits, as the server writes it. */
const NUMBER_DIGITS = 6;

/** In whose name clients are billed, and the series of numbers. */
export function Sender() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["billSender"],
    queryFn: () => ask(api.GET("/v1/billSender")),
  });
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return null;
  return (
    <Panel label={t("clients.sender")} testId="bill-sender">
      <SenderForm key={`${data.version}/${data.nextNumber}`} sender={data} />
    </Panel>
  );
}

function SenderForm({ sender }: { sender: BillSender }) {
  const t = useText();
  const refresh = useRefresh("billSender");
  const [values, setValues] = useState<BillSender>(sender);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const change = (more: Partial<BillSender>) => setValues({ ...values, ...more });
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    const { name, address, taxId, paymentInstructions, numberPrefix } = values;
    const wanted = { name, address, taxId, paymentInstructions, numberPrefix };
    try {
      await ask(api.PATCH("/v1/billSender", { body: { sender: wanted, version: sender.version } }));
      toast(t("common.saved"));
      await refresh();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const said = sender.numberPrefix
    ? t("clients.senderHint", {
        number: isolated(`${sender.numberPrefix}${(sender.nextNumber ?? "1").padStart(NUMBER_DIGITS, "0")}`),
      })
    : t("clients.senderNone");
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        <div>
          <h2 className={watch.title} style={{ marginBottom: 2 }}>
            {t("clients.sender")}
          </h2>
          <p className={watch.faint} style={{ margin: 0 }}>
            {said}
          </p>
        </div>
        <div className={billing.fields}>
          <TextField
            label={t("profile.legalName")}
            required
            maxLength={200}
            value={values.name ?? ""}
            onChange={(event) => change({ name: event.currentTarget.value })}
            data-testid="sender-name"
          />
          <TextField
            label={t("profile.taxId")}
            maxLength={40}
            value={values.taxId ?? ""}
            onChange={(event) => change({ taxId: event.currentTarget.value })}
          />
          <TextField
            label={t("clients.prefix")}
            required
            maxLength={16}
            value={values.numberPrefix ?? ""}
            onChange={(event) => change({ numberPrefix: event.currentTarget.value.toUpperCase() })}
            data-testid="sender-prefix"
          />
          <TextField
            label={t("clients.instructions")}
            maxLength={1000}
            value={values.paymentInstructions ?? ""}
            onChange={(event) => change({ paymentInstructions: event.currentTarget.value })}
          />
        </div>
        <AddressFields value={values.address ?? {}} onChange={(address) => change({ address })} issuers />
        <ProblemNote problem={problem} />
        <div>
          <Button type="submit" loading={busy} data-testid="sender-save">
            {t("common.save")}
          </Button>
        </div>
      </Stack>
    </Form>
  );
}
