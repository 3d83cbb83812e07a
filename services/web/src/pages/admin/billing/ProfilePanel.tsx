import { Button, Stack, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { asProblem, fieldProblem } from "../../../api/problem.ts";
import type { BillingProfile } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Form } from "../../../ui/Form.tsx";
import { LanguageSelect, TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";
import { AddressFields } from "./AddressFields.tsx";
import classes from "./billing.module.css";

/** Whom and how the company is billed. */
export function ProfilePanel() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["billingProfile"],
    queryFn: () => ask(api.GET("/v1/billingProfile")),
  });
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return null;
  return (
    <Panel label={t("profile.title")} testId="billing-profile">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("profile.title")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("profile.hint")}
      </p>
      <ProfileForm key={data.version} profile={data} />
    </Panel>
  );
}

function ProfileForm({ profile }: { profile: BillingProfile }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("billingProfile");
  const [values, setValues] = useState(profile);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const wrong = problem ? asProblem(problem) : undefined;
  const change = (changed: Partial<BillingProfile>) => setValues({ ...values, ...changed });
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    const { legalName, address, taxId, email, purchaseOrder, notes } = values;
    const wanted = { legalName, address, taxId, email, purchaseOrder, notes, language: values.language };
    try {
      await ask(api.PATCH("/v1/billingProfile", { body: { profile: wanted, version: profile.version } }));
      toast(t("common.saved"));
      await refresh();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        <div className={classes.fields}>
          <TextField
            label={t("profile.legalName")}
            maxLength={200}
            value={values.legalName ?? ""}
            onChange={(event) => change({ legalName: event.currentTarget.value })}
            data-testid="profile-legalName"
          />
          <TextField
            label={t("profile.taxId")}
            maxLength={40}
            value={values.taxId ?? ""}
            onChange={(event) => change({ taxId: event.currentTarget.value })}
            data-testid="profile-taxId"
          />
        </div>
        <AddressFields value={values.address ?? {}} onChange={(address) => change({ address })} />
        <div className={classes.fields}>
          <TextField
            label={t("profile.email")}
            type="email"
            maxLength={254}
            value={values.email ?? ""}
            error={wrong && fieldProblem(wrong, "email")}
            onChange={(event) => change({ email: event.currentTarget.value })}
            data-testid="profile-email"
          />
          <TextField
            label={t("profile.order")}
            maxLength={60}
            value={values.purchaseOrder ?? ""}
            onChange={(event) => change({ purchaseOrder: event.currentTarget.value })}
            data-testid="profile-order"
          />
          <LanguageSelect
            label={t("profile.language")}
            value={values.language || "en"}
            onChange={(next) => change({ language: next })}
            testId="profile-language"
          />
        </div>
        <Textarea
          label={t("profile.notes")}
          autosize
          minRows={2}
          maxLength={1000}
          value={values.notes ?? ""}
          onChange={(event) => change({ notes: event.currentTarget.value })}
          data-testid="profile-notes"
        />
        <p className={watch.faint} style={{ margin: 0 }}>
          {t("profile.terms", { days: formatNumber(profile.paymentTermsDays ?? 0, language) })}
        </p>
        <ProblemNote problem={problem} />
        <div>
          <Button type="submit" loading={busy} data-testid="profile-save">
            {t("common.save")}
          </Button>
        </div>
      </Stack>
    </Form>
  );
}
