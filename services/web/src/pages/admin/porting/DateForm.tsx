import { Button, Group } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { asProblem, fieldProblem, type Problem } from "../../../api/problem.ts";
import type { PortOrder } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Form } from "../../../ui/Form.tsx";
import { HINT_BELOW, TextField } from "../../../ui/fields.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";

/** The day the numbers shall come over: a working day, not too near. */
export function DateForm(props: { order: PortOrder; onChange: (order: PortOrder) => Promise<void> }) {
  const t = useText();
  const language = useLanguage();
  const { order } = props;
  const first = order.firstDate ?? "";
  const [day, setDay] = useState(order.wantedDate || first);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const params = { path: { portOrderId: order.portOrderId ?? "" } };
      const body = { wantedDate: day, version: order.version };
      await props.onChange(await ask(api.PATCH("/v1/portOrders/{portOrderId}", { params, body })));
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Group align="flex-start" gap="md">
        <TextField
          type="date"
          label={t("porting.date")}
          description={t("porting.dateHint", { day: first ? formatDate(first, language, "UTC") : "–" })}
          inputWrapperOrder={HINT_BELOW}
          required
          min={first || undefined}
          value={day}
          error={fieldProblem(problem, "wantedDate")}
          onChange={(event) => setDay(event.currentTarget.value)}
          data-testid="port-date"
        />
        <Button type="submit" mt={26} variant="default" loading={busy} data-testid="port-date-save">
          {t("common.save")}
        </Button>
      </Group>
      <ProblemNote problem={problem} />
    </Form>
  );
}
