import { Checkbox, Group, NumberInput, Stack } from "@mantine/core";
import { IconClockHour4 } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../../api/client.ts";
import type { PatternBreak, ShiftPattern } from "../../../../api/types.ts";
import { weekdayName } from "../../../../format/dates.ts";
import { localDigits } from "../../../../format/numbers.ts";
import { type Language, type Text, useLanguage, useText } from "../../../../i18n/index.ts";
import { FormModal } from "../../../../ui/FormModal.tsx";
import { MultiSelectField, TextField } from "../../../../ui/fields.tsx";
import { AddLine, RemoveLine } from "../../../../ui/RowActions.tsx";
import planning from "../../planning.module.css";
import { usePatterns } from "../useSchedules.ts";
import { clockText, comma, lengthText } from "../words.ts";
import { TimeOfDay } from "./LimitsFields.tsx";
import { SetupList } from "./SetupList.tsx";
import { clashNoted, numberIn, useRefreshSetup, weekdayOptions } from "./setup.ts";

const clock = (minute: number | undefined, language: Language) =>
  localDigits(clockText((minute ?? 0) % 1440), language);

/** "15 min, lunch 45 min". */
const breakText = (each: PatternBreak, language: Language, t: Text) =>
  `${each.displayName ? `${each.displayName} ` : ""}${lengthText(each.lengthMinutes ?? 0, language, t)}`;

/** Shifts that may be worked. */
export function Patterns({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSetup();
  const found = usePatterns();
  const range = (low: string, high: string) =>
    low === high ? low : language === "fa" ? `${low} تا ${high}` : `${low}–${high}`;
  return (
    <SetupList<ShiftPattern>
      noun="pattern"
      title={t("schedules.part.patterns")}
      lead={t("schedules.patternsLead")}
      icon={IconClockHour4}
      rows={found.data}
      error={found.error}
      onRetry={() => void found.refetch()}
      idOf={(row) => row.shiftPatternId ?? ""}
      nameOf={(row) => row.displayName ?? ""}
      mayChange={mayChange}
      addLabel={t("schedules.patternAdd")}
      removeBody={t("schedules.removeBody")}
      remove={async (shiftPatternId) => {
        await ask(
          api.DELETE("/v1/wfm/shiftPatterns/{shiftPatternId}", { params: { path: { shiftPatternId } } }),
        );
        await refresh();
      }}
      form={(row, onClose) => <PatternForm pattern={row} onClose={onClose} onSaved={refresh} />}
      columns={[
        { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
        {
          head: t("schedules.starts"),
          cell: (row) => range(clock(row.firstStartMinute, language), clock(row.lastStartMinute, language)),
        },
        {
          head: t("schedules.length"),
          cell: (row) =>
            range(
              lengthText(row.minLengthMinutes ?? 0, language, t),
              lengthText(row.maxLengthMinutes || row.minLengthMinutes || 0, language, t),
            ),
        },
        {
          head: t("schedules.breaks"),
          cell: (row) =>
            (row.breaks ?? []).map((each) => breakText(each, language, t)).join(comma(language)) || "–",
        },
        {
          head: t("schedules.weekdays"),
          cell: (row) =>
            (row.weekdays ?? []).length % 7 === 0
              ? t("schedules.everyDay")
              : (row.weekdays ?? []).map((each) => weekdayName(each + 1, language)).join(comma(language)),
        },
      ]}
    />
  );
}

const USUAL: ShiftPattern = {
  firstStartMinute: 480,
  lastStartMinute: 600,
  startStepMinutes: 30,
  minLengthMinutes: 510,
  maxLengthMinutes: 510,
  lengthStepMinutes: 60,
  breaks: [{ displayName: "", earliestMinute: 180, latestMinute: 300, lengthMinutes: 30, paid: false }],
};

interface Props {
  pattern: ShiftPattern | undefined;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

function PatternForm({ pattern, onClose, onSaved }: Props) {
  const t = useText();
  const language = useLanguage();
  const [value, setValue] = useState<ShiftPattern>(
    pattern ? { ...pattern, weekdays: some(pattern.weekdays) } : USUAL,
  );
  const [requestId] = useState(newRequestId);
  const set = (change: Partial<ShiftPattern>) => setValue((before) => ({ ...before, ...change }));
  const save = async () => {
    const shiftPattern = value;
    if (pattern?.shiftPatternId) {
      const params = { path: { "shiftPattern.shiftPatternId": pattern.shiftPatternId } };
      const body = { shiftPattern };
      await ask(api.PATCH("/v1/wfm/shiftPatterns/{shiftPattern.shiftPatternId}", { params, body }));
    } else {
      await ask(api.POST("/v1/wfm/shiftPatterns", { body: { requestId, shiftPattern } }));
    }
    await onSaved();
  };
  const number = (
    label: string,
    of: "minLengthMinutes" | "maxLengthMinutes" | "lengthStepMinutes" | "startStepMinutes",
    hours: boolean,
  ) => (
    <NumberInput
      label={hours ? t("schedules.inHours", { what: label }) : t("schedules.inMinutes", { what: label })}
      min={hours ? 0.25 : 15}
      max={hours ? 16 : 240}
      step={hours ? 0.25 : 15}
      decimalScale={2}
      value={(value[of] ?? 0) / (hours ? 60 : 1)}
      onChange={(next) => set({ [of]: Math.round(numberIn(next) * (hours ? 60 : 1)) })}
      data-testid={`pattern-${of}`}
    />
  );
  return (
    <FormModal
      title={pattern?.displayName ?? t("schedules.patternAdd")}
      onClose={onClose}
      onSave={save}
      noted={clashNoted}
      size="lg"
      testId="pattern-form"
    >
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.displayName ?? ""}
        onChange={({ currentTarget }) => set({ displayName: currentTarget.value })}
        data-testid="pattern-name"
      />
      <div className={planning.pair}>
        <TimeOfDay
          label={t("schedules.firstStart")}
          minute={value.firstStartMinute ?? 0}
          onChange={(firstStartMinute) => set({ firstStartMinute })}
          testId="pattern-first"
        />
        <TimeOfDay
          label={t("schedules.lastStart")}
          minute={value.lastStartMinute ?? 0}
          onChange={(lastStartMinute) => set({ lastStartMinute })}
          testId="pattern-last"
        />
        {number(t("schedules.startStep"), "startStepMinutes", false)}
        {number(t("schedules.shortest"), "minLengthMinutes", true)}
        {number(t("schedules.longest"), "maxLengthMinutes", true)}
        {number(t("schedules.lengthStep"), "lengthStepMinutes", false)}
      </div>
      <MultiSelectField
        label={t("schedules.weekdays")}
        description={t("schedules.weekdaysHint")}
        data={weekdayOptions(language)}
        value={(value.weekdays ?? []).map(String)}
        onChange={(days) => set({ weekdays: days.map(Number).sort() })}
      />
      <Stack gap="sm" role="group" aria-label={t("schedules.breaks")}>
        {(value.breaks ?? []).map((each, at) => (
          <BreakFields
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have nothing of their own to be known by
            key={at}
            value={each}
            onChange={(next) =>
              set({
                breaks: (value.breaks ?? []).flatMap((line, place) =>
                  place !== at ? [line] : next ? [next] : [],
                ),
              })
            }
          />
        ))}
      </Stack>
      <AddLine
        label={t("schedules.breakAdd")}
        disabled={(value.breaks ?? []).length >= 6}
        onClick={() => set({ breaks: [...(value.breaks ?? []), nextBreak(value.breaks ?? [])] })}
      />
    </FormModal>
  );
}

/** Days of a pattern, none when it is of all. */
const some = (weekdays: readonly number[] | undefined): number[] =>
  weekdays && weekdays.length < 7 ? [...weekdays] : [];

/** A break after those there are. */
function nextBreak(breaks: readonly PatternBreak[]): PatternBreak {
  const last = breaks.at(-1);
  const earliest = last ? (last.latestMinute ?? 0) + (last.lengthMinutes ?? 0) + 15 : 90;
  return {
    displayName: "",
    earliestMinute: earliest,
    latestMinute: earliest + 60,
    lengthMinutes: 15,
    paid: true,
  };
}

function BreakFields({
  value,
  onChange,
}: {
  value: PatternBreak;
  onChange: (next: PatternBreak | undefined) => void;
}) {
  const t = useText();
  const hours = (label: string, of: "earliestMinute" | "latestMinute") => (
    <NumberInput
      label={label}
      style={{ flex: "1 1 110px" }}
      min={0.25}
      max={15}
      step={0.25}
      decimalScale={2}
      value={(value[of] ?? 0) / 60}
      onChange={(next) => onChange({ ...value, [of]: Math.round(numberIn(next) * 60) })}
    />
  );
  return (
    <Group gap="sm" align="flex-end">
      <TextField
        label={t("schedules.breakName")}
        style={{ flex: "1 1 120px" }}
        maxLength={50}
        value={value.displayName ?? ""}
        onChange={({ currentTarget }) => onChange({ ...value, displayName: currentTarget.value })}
      />
      {hours(t("schedules.earliest"), "earliestMinute")}
      {hours(t("schedules.latest"), "latestMinute")}
      <NumberInput
        label={t("schedules.breakMinutes")}
        style={{ flex: "1 1 90px" }}
        min={15}
        max={240}
        step={15}
        value={value.lengthMinutes ?? 0}
        onChange={(next) => onChange({ ...value, lengthMinutes: numberIn(next) })}
      />
      <Checkbox
        label={t("schedules.paid")}
        pb={8}
        checked={value.paid ?? false}
        onChange={({ currentTarget }) => onChange({ ...value, paid: currentTarget.checked })}
      />
      <RemoveLine onClick={() => onChange(undefined)} size="lg" />
    </Group>
  );
}
