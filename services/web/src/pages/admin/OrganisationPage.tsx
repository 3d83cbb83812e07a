import { Button, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useEntitlements } from "../../api/plan.ts";
import type { Tenant } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Form } from "../../ui/Form.tsx";
import { LanguageSelect, TextField, TimeZoneSelect } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import desktop from "../desktop/desktop.module.css";
import watch from "../watch/watch.module.css";

export default function OrganisationPage() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["tenant"],
    queryFn: () => ask(api.GET("/v1/tenant")),
  });
  return (
    <>
      <PageHeader title={t("nav.organisation")} subtitle={t("admin.organisation.lead")} />
      {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && (
        <div className={watch.two}>
          <Panel label={t("nav.organisation")}>
            <TenantForm key={data.version} tenant={data} />
          </Panel>
          <Panel label={t("admin.organisation.limits")}>
            <Limits />
          </Panel>
        </div>
      )}
    </>
  );
}

function TenantForm({ tenant }: { tenant: Tenant }) {
  const t = useText();
  const refresh = useRefresh("tenant");
  const [name, setName] = useState(tenant.displayName ?? "");
  const [language, setLanguage] = useState(tenant.language || "en");
  const [zone, setZone] = useState(tenant.timeZone || "UTC");
  const [problem, setProblem] = useState<unknown>();
  const save = async () => {
    setProblem(undefined);
    const values = { displayName: name, language, timeZone: zone };
    const body = { tenant: values, updateMask: "displayName,language,timeZone", version: tenant.version };
    try {
      await ask(api.PATCH("/v1/tenant", { body }));
      toast(t("common.saved"));
      await refresh();
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        <TextField
          label={t("start.company")}
          required
          maxLength={120}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <LanguageSelect value={language} onChange={setLanguage} />
        <TimeZoneSelect value={zone} onChange={setZone} />
        <ProblemNote problem={problem} />
        <Button type="submit" data-testid="organisation-save">
          {t("common.save")}
        </Button>
      </Stack>
    </Form>
  );
}

/** What the plan allows now. */
function Limits() {
  const t = useText();
  const language = useLanguage();
  const { data } = useEntitlements();
  const limits = data?.limits ?? {};
  const number = (value: number | undefined) => formatNumber(value ?? 0, language);
  const lines = [
    t("plan.users", { count: number(limits.maxUsers) }),
    t("plan.calls", { count: number(limits.maxConcurrentCalls) }),
    t("plan.numbersAndBrands", { numbers: number(limits.maxNumbers), brands: number(limits.maxBrands) }),
    t("plan.retention", { days: number(limits.recordingRetentionDays) }),
    ...(data?.features ?? []).map((feature) => textOr("feature", feature)),
  ];
  return (
    <>
      <h2 className={desktop.sectionTitle}>{t("admin.organisation.limits")}</h2>
      <ul style={{ margin: 0, paddingInlineStart: 18, display: "grid", gap: 6 }}>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </>
  );
}
