import { Button, NumberInput, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { asProblem } from "../../api/problem.ts";
import type { OutboundSettings } from "../../api/types.ts";
import { formatMoney } from "../../format/numbers.ts";
import { decimalText } from "../../format/typed.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Form } from "../../ui/Form.tsx";
import { HINT_BELOW, TextField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import desktop from "../desktop/desktop.module.css";
import { Countries } from "./Countries.tsx";
import { complaintAt } from "./trunkText.ts";

export default function OutboundPage() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["outboundSettings"],
    queryFn: () => ask(api.GET("/v1/outbound/settings")),
  });
  return (
    <>
      <PageHeader title={t("nav.outbound")} subtitle={t("outbound.lead")} />
      <Stack gap="lg">
        {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
        {!data && !error && <Loading />}
        {data && (
          <Panel label={t("outbound.limits")}>
            <Limits key={data.version} settings={data} />
          </Panel>
        )}
        <Countries />
      </Stack>
    </>
  );
}

function Limits({ settings }: { settings: OutboundSettings }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("outboundSettings");
  const [spend, setSpend] = useState(settings.spendLimit?.amount ?? "");
  const [risky, setRisky] = useState(settings.riskySpendLimit?.amount ?? "");
  const [currency, setCurrency] = useState(settings.spendLimit?.currency || "EUR");
  const [rate, setRate] = useState(settings.maxCallsPerSecond || 5);
  const [problem, setProblem] = useState<unknown>();
  const money = (text: string) => (text.trim() ? { amount: decimalText(text), currency } : undefined);
  const save = async () => {
    setProblem(undefined);
    const values = { spendLimit: money(spend), riskySpendLimit: money(risky), maxCallsPerSecond: rate };
    const body = {
      settings: values,
      updateMask: "spendLimit,riskySpendLimit,maxCallsPerSecond",
      version: settings.version,
    };
    try {
      await ask(api.PATCH("/v1/outbound/settings", { body }));
      toast(t("common.saved"));
      await refresh();
    } catch (error) {
      setProblem(error);
    }
  };
  const known = problem ? asProblem(problem) : undefined;
  const spent = (settings.spentToday ?? []).map((each) =>
    formatMoney(each.amount ?? "0", each.currency ?? "", language),
  );
  return (
    <Form onSubmit={() => void save()}>
      <h2 className={desktop.sectionTitle}>{t("outbound.limits")}</h2>
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
          <TextField
            label={t("outbound.spend")}
            description={t("outbound.spendHint")}
            inputWrapperOrder={HINT_BELOW}
            inputMode="decimal"
            dir="ltr"
            value={spend}
            error={complaintAt(known, "settings.spendLimit")}
            onChange={(event) => setSpend(event.currentTarget.value)}
            data-testid="outbound-spend"
          />
          <TextField
            label={t("outbound.risky")}
            description={t("outbound.spendHint")}
            inputWrapperOrder={HINT_BELOW}
            inputMode="decimal"
            dir="ltr"
            value={risky}
            error={complaintAt(known, "settings.riskySpendLimit")}
            onChange={(event) => setRisky(event.currentTarget.value)}
            data-testid="outbound-risky"
          />
          <TextField
            label={t("trunks.currency")}
            description="ISO 4217"
            inputWrapperOrder={HINT_BELOW}
            dir="ltr"
            required
            maxLength={3}
            value={currency}
            onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())}
          />
          <NumberInput
            label={t("outbound.rate")}
            min={1}
            max={200}
            value={rate}
            error={complaintAt(known, "settings.maxCallsPerSecond")}
            onChange={(value) => setRate(Number(value))}
          />
        </SimpleGrid>
        <p style={{ margin: 0 }} data-testid="outbound-spent">
          {t("outbound.spent")}: <strong>{spent.join(" + ") || t("outbound.nothingSpent")}</strong>
        </p>
        <ProblemNote problem={problem} />
        <div>
          <Button type="submit" data-testid="outbound-save">
            {t("common.save")}
          </Button>
        </div>
      </Stack>
    </Form>
  );
}
