import { Button, Group, Stack } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { asProblem, fieldProblem, type Problem } from "../../../api/problem.ts";
import type { CivicAddress, PortDetails, PortOrder } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Form } from "../../../ui/Form.tsx";
import { HINT_BELOW, PasswordField, TextField } from "../../../ui/fields.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { CivicAddressFields } from "../CivicAddressFields.tsx";
import classes from "./porting.module.css";

/** What the losing carrier has to know, as it stands on its last bill. */
export function DetailsForm(props: { order: PortOrder; onChange: (order: PortOrder) => Promise<void> }) {
  const t = useText();
  const known = props.order.details;
  const [details, setDetails] = useState<PortDetails>(known ?? {});
  const [address, setAddress] = useState<CivicAddress>(known?.address ?? {});
  const [pin, setPin] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const set = (news: Partial<PortDetails>) => setDetails({ ...details, ...news });
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    const { losingCarrier, accountNumber, authorizedPerson } = details;
    const said = { losingCarrier, accountNumber, authorizedPerson, accountPin: pin, address };
    try {
      const params = { path: { portOrderId: props.order.portOrderId ?? "" } };
      const body = { details: said, version: props.order.version };
      await props.onChange(await ask(api.PATCH("/v1/portOrders/{portOrderId}", { params, body })));
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        <div className={classes.columns}>
          <TextField
            label={t("porting.losingCarrier")}
            required
            maxLength={100}
            value={details.losingCarrier ?? props.order.numbers?.[0]?.losingCarrier ?? ""}
            error={fieldProblem(problem, "losingCarrier")}
            onChange={(event) => set({ losingCarrier: event.currentTarget.value })}
            data-testid="port-losing-carrier"
          />
          <TextField
            label={t("porting.accountNumber")}
            required
            maxLength={60}
            dir="ltr"
            value={details.accountNumber ?? ""}
            error={fieldProblem(problem, "accountNumber")}
            onChange={(event) => set({ accountNumber: event.currentTarget.value })}
            data-testid="port-account-number"
          />
          <PasswordField
            label={t("porting.accountPin")}
            description={t(known?.accountPinSet ? "porting.accountPinSet" : "porting.accountPinHint")}
            inputWrapperOrder={HINT_BELOW}
            maxLength={30}
            autoComplete="off"
            value={pin}
            onChange={(event) => setPin(event.currentTarget.value)}
          />
          <TextField
            label={t("porting.person")}
            description={t("porting.personHint")}
            inputWrapperOrder={HINT_BELOW}
            required
            maxLength={100}
            value={details.authorizedPerson ?? ""}
            error={fieldProblem(problem, "authorizedPerson")}
            onChange={(event) => set({ authorizedPerson: event.currentTarget.value })}
            data-testid="port-person"
          />
          <CivicAddressFields
            value={address}
            onChange={setAddress}
            problem={problem}
            testId="port"
            maxLength={200}
          />
        </div>
        <ProblemNote problem={problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={busy} data-testid="port-details-save">
            {t("porting.saveAndGoOn")}
          </Button>
        </Group>
      </Stack>
    </Form>
  );
}
