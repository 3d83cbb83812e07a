import { Button, Group, Select, Stack, Switch, Textarea } from "@mantine/core";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { optionsOf, useBrands } from "../../../api/names.ts";
import { asProblem, type Problem } from "../../../api/problem.ts";
import { useText } from "../../../i18n/index.ts";
import { Form } from "../../../ui/Form.tsx";
import { HINT_BELOW, SelectField } from "../../../ui/fields.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { useFlows } from "../../flows/useFlow.ts";
import { CountrySelect } from "../CountrySelect.tsx";
import { numbersOf } from "../trunkText.ts";
import { Steps } from "./Steps.tsx";

/** The first step: which numbers, for whom; the carrier is asked whether they can come. */
export function NewPortOrder() {
  const t = useText();
  const [, go] = useLocation();
  const brands = useBrands().data ?? [];
  const flows = useFlows().data ?? [];
  const [pasted, setPasted] = useState("");
  const [country, setCountry] = useState("");
  const [brandId, setBrandId] = useState("");
  const [flowId, setFlowId] = useState("");
  const [sms, setSms] = useState(true);
  const [attempt, setAttempt] = useState({ id: newRequestId(), of: "" });
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const chosen = { brandId: brandId || brands[0]?.brandId || "", flowId: flowId || flows[0]?.flowId || "" };
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    const body = { entries: numbersOf(pasted), country, sms, ...chosen };
    const of = JSON.stringify(body);
    const requestId = attempt.of === of ? attempt.id : newRequestId();
    setAttempt({ id: requestId, of });
    try {
      const order = await ask(api.POST("/v1/portOrders", { body: { ...body, requestId } }));
      go(`/admin/numbers/porting/${order.portOrderId}`);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <>
      <PageHeader title={t("porting.add")} subtitle={t("porting.addLead")} />
      <Steps current="check" />
      <Panel>
        <Form onSubmit={() => void save()}>
          <Stack maw={640}>
            <Textarea
              label={t("numbers.entries")}
              description={t("porting.entriesHint")}
              inputWrapperOrder={HINT_BELOW}
              required
              autosize
              minRows={3}
              maxRows={12}
              dir="ltr"
              value={pasted}
              onChange={(event) => setPasted(event.currentTarget.value)}
              data-testid="port-entries"
            />
            <CountrySelect
              label={t("numbers.country")}
              description={t("numbers.countryHint")}
              value={country}
              onChange={setCountry}
            />
            <SelectField
              label={t("desktop.brand")}
              required
              data={optionsOf(brands, "brandId")}
              value={chosen.brandId || null}
              onChange={(value) => setBrandId(value ?? "")}
            />
            <Select
              label={t("admin.numbers.flow")}
              data={optionsOf(flows, "flowId")}
              value={chosen.flowId || null}
              onChange={(value) => setFlowId(value ?? "")}
            />
            <Switch
              label={t("porting.sms")}
              description={t("porting.smsHint")}
              checked={sms}
              onChange={(event) => setSms(event.currentTarget.checked)}
              data-testid="port-sms"
            />
            <ProblemNote problem={problem} />
            <Group justify="flex-end">
              <Button component={Link} href="/admin/numbers/porting" variant="default">
                {t("common.cancel")}
              </Button>
              <Button type="submit" loading={busy} data-testid="port-check">
                {t("porting.checkAction")}
              </Button>
            </Group>
          </Stack>
        </Form>
      </Panel>
    </>
  );
}
