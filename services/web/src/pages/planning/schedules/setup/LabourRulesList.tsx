import { Select, Switch, Tabs } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../../api/client.ts";
import type { LabourLimits, LabourRules } from "../../../../api/types.ts";
import { textOr, useLanguage, useText } from "../../../../i18n/index.ts";
import { FormModal } from "../../../../ui/FormModal.tsx";
import { TextField } from "../../../../ui/fields.tsx";
import { useLabourRules } from "../useSchedules.ts";
import { comma, lengthText } from "../words.ts";
import { LimitsFields } from "./LimitsFields.tsx";
import { SetupList } from "./SetupList.tsx";
import { clashNoted, useRefreshSetup } from "./setup.ts";

/** What the law and agreements allow. */
export function LabourRulesList({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSetup();
  const found = useLabourRules();
  const length = (minutes: number | undefined) => (minutes ? lengthText(minutes, language, t) : "–");
  return (
    <SetupList<LabourRules>
      noun="labour-rules"
      title={t("schedules.part.rules")}
      lead={t("schedules.rulesLead")}
      icon={IconScale}
      rows={found.data}
      error={found.error}
      onRetry={() => void found.refetch()}
      idOf={(row) => row.labourRulesId ?? ""}
      nameOf={(row) => row.displayName ?? ""}
      mayChange={mayChange}
      addLabel={t("schedules.rulesAdd")}
      removeBody={t("schedules.removeBody")}
      remove={async (labourRulesId) => {
        await ask(api.DELETE("/v1/wfm/labourRules/{labourRulesId}", { params: { path: { labourRulesId } } }));
        await refresh();
      }}
      form={(row, onClose) => <RulesForm rules={row} onClose={onClose} onSaved={refresh} />}
      columns={[
        { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
        {
          head: t("schedules.country"),
          cell: (row) => (row.countryCode ? textOr("labourCountry", row.countryCode) : "–"),
        },
        { head: t("scheduleClash.max_day"), cell: (row) => length(row.adult?.maxDayMinutes) },
        { head: t("scheduleClash.max_week"), cell: (row) => length(row.adult?.maxWeekMinutes) },
        { head: t("scheduleClash.min_rest"), cell: (row) => length(row.adult?.minRestMinutes) },
        {
          head: t("schedules.breaks"),
          cell: (row) =>
            (row.adult?.breaks ?? [])
              .map((each) =>
                !each.workMinutes
                  ? lengthText(each.breakMinutes ?? 0, language, t)
                  : t("schedules.breakDue", {
                      break: lengthText(each.breakMinutes ?? 0, language, t),
                      work: lengthText(each.workMinutes ?? 0, language, t),
                    }),
              )
              .join(comma(language)) || "–",
        },
        { head: t("schedules.source"), cell: (row) => (row.source ? <bdi>{row.source}</bdi> : "–") },
      ]}
    />
  );
}

interface Props {
  rules: LabourRules | undefined;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

function RulesForm({ rules, onClose, onSaved }: Props) {
  const t = useText();
  const [value, setValue] = useState<LabourRules>(rules ?? { adult: {} });
  const [requestId] = useState(newRequestId);
  const countries = useQuery({
    queryKey: ["wfm", "labourCountries"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => (await ask(api.GET("/v1/wfm/labourCountries"))).labourRules ?? [],
  });
  const set = (change: Partial<LabourRules>) => setValue((before) => ({ ...before, ...change }));
  const take = (code: string | null) => {
    const of = countries.data?.find((each) => each.countryCode === code);
    if (!of) return set({ countryCode: "" });
    const { adult, young, source } = of;
    setValue((before) => ({
      ...before,
      displayName: before.displayName || textOr("labourCountry", code ?? ""),
      countryCode: code ?? "",
      adult: adult ?? {},
      source: source ?? "",
      ...(young ? { young } : { young: undefined }),
    }));
  };
  const save = async () => {
    const labourRules = value;
    if (rules?.labourRulesId) {
      const params = { path: { "labourRules.labourRulesId": rules.labourRulesId } };
      await ask(
        api.PATCH("/v1/wfm/labourRules/{labourRules.labourRulesId}", { params, body: { labourRules } }),
      );
    } else {
      await ask(api.POST("/v1/wfm/labourRules", { body: { requestId, labourRules } }));
    }
    await onSaved();
  };
  return (
    <FormModal
      title={rules?.displayName ?? t("schedules.rulesAdd")}
      onClose={onClose}
      onSave={save}
      noted={clashNoted}
      size="lg"
      testId="labour-rules-form"
    >
      <Select
        label={t("schedules.fromCountry")}
        description={t("schedules.fromCountryHint")}
        clearable
        data={(countries.data ?? []).map((each) => ({
          value: each.countryCode ?? "",
          label: textOr("labourCountry", each.countryCode ?? ""),
        }))}
        value={value.countryCode || null}
        onChange={take}
        data-testid="labour-country"
      />
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.displayName ?? ""}
        onChange={({ currentTarget }) => set({ displayName: currentTarget.value })}
        data-testid="labour-name"
      />
      <Tabs defaultValue="adult">
        <Tabs.List mb="sm">
          <Tabs.Tab value="adult">{t("schedules.adult")}</Tabs.Tab>
          <Tabs.Tab value="young">{t("schedules.young")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="adult">
          <LimitsFields limits={value.adult ?? {}} onChange={(adult) => set({ adult })} testId="adult" />
        </Tabs.Panel>
        <Tabs.Panel value="young">
          <Switch
            label={t("schedules.youngOwn")}
            checked={value.young !== undefined}
            mb="sm"
            onChange={({ currentTarget }) =>
              set({ young: currentTarget.checked ? ({ ...value.adult } as LabourLimits) : undefined })
            }
          />
          {value.young && (
            <LimitsFields limits={value.young} onChange={(young) => set({ young })} testId="young" />
          )}
        </Tabs.Panel>
      </Tabs>
      <TextField
        label={t("schedules.source")}
        maxLength={500}
        value={value.source ?? ""}
        onChange={({ currentTarget }) => set({ source: currentTarget.value })}
      />
    </FormModal>
  );
}
