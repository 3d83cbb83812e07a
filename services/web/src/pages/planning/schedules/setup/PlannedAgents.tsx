import { Checkbox, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../../api/client.ts";
import { optionsOf, useNames, useQueues } from "../../../../api/names.ts";
import { useAgents, useSkills } from "../../../../api/staff.ts";
import type { PlannedAgent } from "../../../../api/types.ts";
import { weekdayName } from "../../../../format/dates.ts";
import { formatNumber } from "../../../../format/numbers.ts";
import { useLanguage, useText } from "../../../../i18n/index.ts";
import { FormModal } from "../../../../ui/FormModal.tsx";
import { MultiSelectField, SelectField } from "../../../../ui/fields.tsx";
import { WeekFields } from "../../../../ui/WeekFields.tsx";
import planning from "../../planning.module.css";
import { useContracts, usePeople, usePeopleNames, usePlannedAgents, useSites } from "../useSchedules.ts";
import { comma } from "../words.ts";
import { TimeOfDay } from "./LimitsFields.tsx";
import { SetupList } from "./SetupList.tsx";
import { clashNoted, numberIn, useRefreshSetup, weekdayOptions } from "./setup.ts";

const MOST = 100;

/** Agents schedules are made for. */
export function PlannedAgents({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSetup();
  const found = usePlannedAgents();
  const contracts = useContracts().data;
  const sites = useSites().data ?? [];
  const nameOf = usePeopleNames();
  const names = useNames();
  const skills = useSkills().data ?? [];
  const agents = useAgents().data ?? [];
  const [text, setText] = useState("");
  const wanted = text.trim().toLocaleLowerCase();
  const rows = found.data
    ?.filter((each) => nameOf(each.userId).toLocaleLowerCase().includes(wanted))
    .sort((a, b) => nameOf(a.userId).localeCompare(nameOf(b.userId)));
  const held = (userId: string | undefined) =>
    (agents.find((each) => each.agentId === userId)?.skills ?? []).flatMap(
      (level) => skills.find((each) => each.skillId === level.skillId)?.displayName ?? [],
    );
  return (
    <SetupList<PlannedAgent>
      noun="planned"
      title={t("schedules.part.agents")}
      lead={t("schedules.agentsLead")}
      icon={IconUsers}
      rows={rows?.slice(0, MOST)}
      error={found.error}
      onRetry={() => void found.refetch()}
      idOf={(row) => row.userId ?? ""}
      nameOf={(row) => nameOf(row.userId)}
      mayChange={mayChange}
      addLabel={t("schedules.agentAdd")}
      missing={contracts?.length === 0 ? t("schedules.contractsFirst") : undefined}
      removeBody={t("schedules.agentRemoveBody")}
      filters={
        (found.data?.length ?? 0) > 10 && (
          <div className={planning.bar} style={{ marginBlockEnd: 0 }}>
            <TextInput
              label={t("schedules.find")}
              value={text}
              onChange={({ currentTarget }) => setText(currentTarget.value)}
              data-testid="planned-find"
            />
            <Text size="sm" c="dimmed" pb={8}>
              {t("schedules.shown", {
                shown: formatNumber(Math.min(MOST, rows?.length ?? 0), language),
                all: formatNumber(found.data?.length ?? 0, language),
              })}
            </Text>
          </div>
        )
      }
      remove={async (userId) => {
        await ask(api.DELETE("/v1/wfm/plannedAgents/{userId}", { params: { path: { userId } } }));
        await refresh();
      }}
      form={(row, onClose) => (
        <PlannedForm agent={row} known={found.data ?? []} onClose={onClose} onSaved={refresh} />
      )}
      columns={[
        { head: t("schedules.agent"), cell: (row) => <bdi>{nameOf(row.userId)}</bdi> },
        {
          head: t("schedules.contract"),
          cell: (row) => (
            <bdi>{contracts?.find((each) => each.contractId === row.contractId)?.displayName ?? "–"}</bdi>
          ),
        },
        ...(sites.length > 0
          ? [
              {
                head: t("schedules.site"),
                cell: (row: PlannedAgent) => (
                  <bdi>{sites.find((each) => each.siteId === row.siteId)?.displayName ?? "–"}</bdi>
                ),
              },
            ]
          : []),
        {
          head: t("planning.queues"),
          cell: (row) =>
            (row.queueIds ?? []).map((id) => names.queue(id)).join(comma(language)) ||
            t("schedules.allQueues"),
        },
        { head: t("schedules.skills"), cell: (row) => held(row.userId).join(comma(language)) || "–" },
        {
          head: t("schedules.availability"),
          cell: (row) =>
            (row.availability ?? []).length === 0
              ? t("schedules.always")
              : [...new Set((row.availability ?? []).map((each) => each.weekday ?? 0))]
                  .sort()
                  .map((day) => weekdayName(day + 1, language))
                  .join(comma(language)),
        },
      ]}
    />
  );
}

interface Props {
  agent: PlannedAgent | undefined;
  known: readonly PlannedAgent[];
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

function PlannedForm({ agent, known, onClose, onSaved }: Props) {
  const t = useText();
  const language = useLanguage();
  const people = usePeople().data ?? [];
  const contracts = useContracts().data ?? [];
  const sites = useSites().data ?? [];
  const queues = useQueues().data ?? [];
  const nameOf = usePeopleNames();
  const [value, setValue] = useState<PlannedAgent>(agent ?? { contractId: contracts[0]?.contractId ?? "" });
  const set = (change: Partial<PlannedAgent>) => setValue((before) => ({ ...before, ...change }));
  const planned = new Set(known.map((each) => each.userId));
  const free = people.filter((each) => !planned.has(each.userId) && each.role !== "ROLE_PAYER");
  const limited = (value.availability ?? []).length > 0;
  const save = async () => {
    const params = { path: { "plannedAgent.userId": value.userId ?? "" } };
    const body = { plannedAgent: value };
    await ask(api.PATCH("/v1/wfm/plannedAgents/{plannedAgent.userId}", { params, body }));
    await onSaved();
  };
  return (
    <FormModal
      title={agent ? nameOf(agent.userId) : t("schedules.agentAdd")}
      onClose={onClose}
      onSave={save}
      noted={clashNoted}
      size="lg"
      testId="planned-form"
    >
      {!agent && (
        <SelectField
          label={t("schedules.agent")}
          required
          searchable
          limit={80}
          data={free.map((each) => ({ value: each.userId ?? "", label: each.displayName ?? "" }))}
          value={value.userId || null}
          onChange={(userId) => set({ userId: userId ?? "" })}
          data-testid="planned-user"
        />
      )}
      <SelectField
        label={t("schedules.contract")}
        required
        allowDeselect={false}
        data={contracts.map((each) => ({ value: each.contractId ?? "", label: each.displayName ?? "" }))}
        value={value.contractId || null}
        onChange={(next) => next && set({ contractId: next })}
        data-testid="planned-contract"
      />
      {sites.length > 0 && (
        <SelectField
          label={t("schedules.site")}
          description={t("schedules.siteHint")}
          clearable
          placeholder={t("schedules.noSite")}
          data={sites.map((each) => ({
            value: each.siteId ?? "",
            label: `${each.displayName} (${each.timeZone})`,
          }))}
          value={value.siteId || null}
          onChange={(siteId) => set({ siteId: siteId ?? "" })}
          data-testid="planned-site"
        />
      )}
      <MultiSelectField
        label={t("planning.queues")}
        description={t("schedules.queuesHint")}
        data={optionsOf(queues, "queueId")}
        value={[...(value.queueIds ?? [])]}
        onChange={(queueIds) => set({ queueIds })}
      />
      <Checkbox
        label={t("schedules.underAge")}
        checked={value.underAge ?? false}
        onChange={({ currentTarget }) => set({ underAge: currentTarget.checked })}
      />
      <Stack gap="xs">
        <Select
          label={t("schedules.availability")}
          allowDeselect={false}
          data={[
            { value: "always", label: t("schedules.always") },
            { value: "hours", label: t("schedules.certainHours") },
          ]}
          value={limited ? "hours" : "always"}
          onChange={(how) => set({ availability: how === "hours" ? WORKDAYS : [] })}
          data-testid="planned-availability"
        />
        {limited && (
          <WeekFields
            intervals={(value.availability ?? []).map((each) => ({
              ...each,
              weekday: (each.weekday ?? 0) + 1,
            }))}
            onChange={(intervals) =>
              set({
                availability: intervals.map((each) => ({
                  weekday: (each.weekday ?? 1) - 1,
                  startMinute: each.startMinute ?? 0,
                  endMinute: each.endMinute ?? 0,
                })),
              })
            }
            closed={t("schedules.cannotCome")}
            usual={[480, 1200]}
          />
        )}
      </Stack>
      <Text fw={560} size="sm">
        {t("schedules.wishes")}
      </Text>
      <MultiSelectField
        label={t("schedules.wishedFree")}
        data={weekdayOptions(language)}
        value={(value.wishedFreeWeekdays ?? []).map(String)}
        onChange={(days) => set({ wishedFreeWeekdays: days.map(Number).sort() })}
      />
      <div className={planning.pair}>
        <WishedTime
          label={t("schedules.notBefore")}
          usual={540}
          minute={value.wishedEarliestStartMinute ?? 0}
          onChange={(wishedEarliestStartMinute) => set({ wishedEarliestStartMinute })}
        />
        <WishedTime
          label={t("schedules.goneBy")}
          usual={1080}
          minute={value.wishedLatestEndMinute ?? 0}
          onChange={(wishedLatestEndMinute) => set({ wishedLatestEndMinute })}
        />
        <NumberInput
          label={t("schedules.wishWeight")}
          description={t("schedules.wishWeightHint")}
          min={0}
          max={10}
          decimalScale={2}
          value={value.wishWeight ?? 1}
          onChange={(next) => set({ wishWeight: numberIn(next) })}
        />
      </div>
    </FormModal>
  );
}

const WORKDAYS = [0, 1, 2, 3, 4].map((weekday) => ({ weekday, startMinute: 480, endMinute: 1200 }));

/** A wish for a time of day, or none. */
function WishedTime(props: {
  label: string;
  usual: number;
  minute: number;
  onChange: (minute: number) => void;
}) {
  const { label, usual, minute, onChange } = props;
  return (
    <Stack gap={6}>
      <Checkbox
        label={label}
        checked={minute > 0}
        onChange={({ currentTarget }) => onChange(currentTarget.checked ? usual : 0)}
      />
      {minute > 0 && <TimeOfDay label={label} minute={minute} onChange={(next) => onChange(next || 1440)} />}
    </Stack>
  );
}
