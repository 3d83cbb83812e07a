import { NumberInput } from "@mantine/core";
import { IconFileText } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../../api/client.ts";
import type { Contract } from "../../../../api/types.ts";
import { formatNumber } from "../../../../format/numbers.ts";
import { useLanguage, useText } from "../../../../i18n/index.ts";
import { FormModal } from "../../../../ui/FormModal.tsx";
import { MultiSelectField, SelectField, TextField } from "../../../../ui/fields.tsx";
import planning from "../../planning.module.css";
import { useContracts, useLabourRules, usePatterns } from "../useSchedules.ts";
import { comma, lengthText } from "../words.ts";
import { SetupList } from "./SetupList.tsx";
import { clashNoted, numberIn, useRefreshSetup } from "./setup.ts";

/** What agents are hired for. */
export function Contracts({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSetup();
  const found = useContracts();
  const rules = useLabourRules().data;
  const patterns = usePatterns().data;
  const range = (low: string, high: string) =>
    low === high ? low : language === "fa" ? `${low} تا ${high}` : `${low}–${high}`;
  const length = (minutes: number | undefined) => lengthText(minutes ?? 0, language, t);
  const missing =
    rules?.length === 0
      ? t("schedules.rulesFirst")
      : patterns?.length === 0
        ? t("schedules.patternsFirst")
        : undefined;
  return (
    <SetupList<Contract>
      noun="contract"
      title={t("schedules.part.contracts")}
      lead={t("schedules.contractsLead")}
      icon={IconFileText}
      rows={found.data}
      error={found.error}
      onRetry={() => void found.refetch()}
      idOf={(row) => row.contractId ?? ""}
      nameOf={(row) => row.displayName ?? ""}
      mayChange={mayChange}
      addLabel={t("schedules.contractAdd")}
      missing={missing}
      removeBody={t("schedules.removeBody")}
      remove={async (contractId) => {
        await ask(api.DELETE("/v1/wfm/contracts/{contractId}", { params: { path: { contractId } } }));
        await refresh();
      }}
      form={(row, onClose) => <ContractForm contract={row} onClose={onClose} onSaved={refresh} />}
      columns={[
        { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
        {
          head: t("schedules.weekHours"),
          cell: (row) => range(length(row.minWeekMinutes), length(row.maxWeekMinutes)),
        },
        {
          head: t("schedules.days"),
          cell: (row) =>
            range(formatNumber(row.minDays ?? 0, language), formatNumber(row.maxDays ?? 0, language)),
        },
        {
          head: t("schedules.part.rules"),
          cell: (row) => (
            <bdi>{rules?.find((each) => each.labourRulesId === row.labourRulesId)?.displayName ?? "–"}</bdi>
          ),
        },
        {
          head: t("schedules.part.patterns"),
          cell: (row) => (
            <bdi>
              {(row.shiftPatternIds ?? [])
                .map((id) => patterns?.find((each) => each.shiftPatternId === id)?.displayName ?? "–")
                .join(comma(language))}
            </bdi>
          ),
        },
      ]}
    />
  );
}

interface Props {
  contract: Contract | undefined;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

function ContractForm({ contract, onClose, onSaved }: Props) {
  const t = useText();
  const rules = useLabourRules().data ?? [];
  const patterns = usePatterns().data ?? [];
  const [value, setValue] = useState<Contract>(
    contract ?? {
      displayName: "",
      labourRulesId: rules[0]?.labourRulesId ?? "",
      minWeekMinutes: 2400,
      maxWeekMinutes: 2400,
      minDays: 5,
      maxDays: 5,
      shiftPatternIds: [],
    },
  );
  const [requestId] = useState(newRequestId);
  const set = (change: Partial<Contract>) => setValue((before) => ({ ...before, ...change }));
  const save = async () => {
    if (contract?.contractId) {
      const params = { path: { "contract.contractId": contract.contractId } };
      await ask(api.PATCH("/v1/wfm/contracts/{contract.contractId}", { params, body: { contract: value } }));
    } else {
      await ask(api.POST("/v1/wfm/contracts", { body: { requestId, contract: value } }));
    }
    await onSaved();
  };
  const number = (
    label: string,
    of: "minWeekMinutes" | "maxWeekMinutes" | "minDays" | "maxDays",
    hours: boolean,
  ) => (
    <NumberInput
      label={hours ? t("schedules.inHours", { what: label }) : label}
      min={0}
      max={hours ? 168 : 7}
      decimalScale={hours ? 2 : 0}
      value={(value[of] ?? 0) / (hours ? 60 : 1)}
      onChange={(next) => set({ [of]: Math.round(numberIn(next) * (hours ? 60 : 1)) })}
      data-testid={`contract-${of}`}
    />
  );
  return (
    <FormModal
      title={contract?.displayName ?? t("schedules.contractAdd")}
      onClose={onClose}
      onSave={save}
      noted={clashNoted}
      testId="contract-form"
    >
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.displayName ?? ""}
        onChange={({ currentTarget }) => set({ displayName: currentTarget.value })}
        data-testid="contract-name"
      />
      <SelectField
        label={t("schedules.part.rules")}
        required
        allowDeselect={false}
        data={rules.map((each) => ({ value: each.labourRulesId ?? "", label: each.displayName ?? "" }))}
        value={value.labourRulesId || null}
        onChange={(next) => next && set({ labourRulesId: next })}
        data-testid="contract-rules"
      />
      <div className={planning.pair}>
        {number(t("schedules.leastWeek"), "minWeekMinutes", true)}
        {number(t("schedules.mostWeek"), "maxWeekMinutes", true)}
        {number(t("schedules.leastDays"), "minDays", false)}
        {number(t("schedules.mostDays"), "maxDays", false)}
      </div>
      <MultiSelectField
        label={t("schedules.part.patterns")}
        required
        data={patterns.map((each) => ({ value: each.shiftPatternId ?? "", label: each.displayName ?? "" }))}
        value={[...(value.shiftPatternIds ?? [])]}
        onChange={(shiftPatternIds) => set({ shiftPatternIds })}
        data-testid="contract-patterns"
      />
    </FormModal>
  );
}
