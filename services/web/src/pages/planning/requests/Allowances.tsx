import { Button, Checkbox, NumberInput, Switch } from "@mantine/core";
import { IconPlus, IconUsersMinus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { optionsOf, useQueues } from "../../../api/names.ts";
import type { TimeOffAllowance } from "../../../api/types.ts";
import { formatDate, weekdayName } from "../../../format/dates.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber, formatPercent } from "../../../format/numbers.ts";
import { clockOf, minuteOf, WEEK } from "../../../format/weeks.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { MultiSelectField, TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import classes from "../../mine/mine.module.css";
import { noonOf, ZONELESS } from "../days.ts";

/** How many may be off at once. */
export function Allowances({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const queues = useQueues().data ?? [];
  const refresh = useRefresh("requests");
  const [editing, setEditing] = useState<TimeOffAllowance>();
  const [removing, setRemoving] = useState<TimeOffAllowance>();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["requests", "allowances"],
    queryFn: async () => (await ask(api.GET("/v1/wfm/timeOffAllowances"))).timeOffAllowances ?? [],
  });
  if (isPending) return <Loading />;
  const add = mayChange && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setEditing({ displayName: "" })}
      data-testid="allowance-add"
    >
      {t("requests.allowanceAdd")}
    </Button>
  );
  const whom = (row: TimeOffAllowance) =>
    (row.queueIds ?? [])
      .map((id) => queues.find((each) => each.queueId === id)?.displayName ?? id)
      .join(" · ") || t("requests.everybody");
  const when = (row: TimeOffAllowance) => {
    const days = (row.weekdays ?? []).map((each) => weekdayName(each + 1, language)).join(" · ");
    const date = (each: string | undefined) => (each ? formatDate(noonOf(each), language, ZONELESS) : "…");
    const range = row.firstDay || row.lastDay ? `${date(row.firstDay)} – ${date(row.lastDay)}` : "";
    const part = (row.startMinute ?? 0) > 0 || (row.endMinute ?? 1440) < 1440;
    const hours = part ? isolated(`${clockOf(row.startMinute ?? 0)}–${clockOf(row.endMinute ?? 1440)}`) : "";
    return [days, range, hours].filter(Boolean).join(", ") || t("requests.always");
  };
  const most = (row: TimeOffAllowance) =>
    [
      row.maxAgents === undefined || row.maxAgents === null ? "" : formatNumber(row.maxAgents, language),
      row.maxPercent === undefined || row.maxPercent === null ? "" : formatPercent(row.maxPercent, language),
      row.covered ? t("requests.whereCovered") : "",
    ]
      .filter(Boolean)
      .join(" · ");
  const rows = data ?? [];
  return (
    <div className={classes.stack}>
      <p className={classes.quiet}>{t("requests.allowancesBody")}</p>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {rows.length === 0 ? (
        <Panel>
          <EmptyState icon={IconUsersMinus} title={t("requests.noAllowances")} action={add}>
            {t("requests.noAllowancesBody")}
          </EmptyState>
        </Panel>
      ) : (
        <>
          <div>{add}</div>
          <Panel flush label={t("requests.tab.allowances")}>
            <DataTable<TimeOffAllowance>
              label={t("requests.tab.allowances")}
              rows={rows}
              keyOf={(row) => row.timeOffAllowanceId ?? ""}
              testId={(row) => `allowance-${row.displayName}`}
              columns={[
                { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
                { head: t("requests.whom"), cell: (row) => <bdi>{whom(row)}</bdi> },
                { head: t("requests.when"), cell: when },
                { head: t("requests.most"), cell: most },
                {
                  head: t("common.actions"),
                  quiet: true,
                  cell: (row) =>
                    mayChange && (
                      <RowActions
                        name={row.displayName ?? ""}
                        testId={`allowance-${row.displayName}`}
                        onEdit={() => setEditing(row)}
                        onDelete={() => setRemoving(row)}
                      />
                    ),
                },
              ]}
            />
          </Panel>
        </>
      )}
      {editing && <AllowanceForm allowance={editing} onClose={() => setEditing(undefined)} />}
      <Confirm
        opened={removing !== undefined}
        title={`${t("common.delete")}: ${removing?.displayName ?? ""}`}
        body={t("requests.allowanceDelete")}
        confirm={t("common.delete")}
        onConfirm={async () => {
          const path = { timeOffAllowanceId: removing?.timeOffAllowanceId ?? "" };
          await ask(api.DELETE("/v1/wfm/timeOffAllowances/{timeOffAllowanceId}", { params: { path } }));
          await refresh();
        }}
        onClose={() => setRemoving(undefined)}
      />
    </div>
  );
}

function AllowanceForm({ allowance, onClose }: { allowance: TimeOffAllowance; onClose: () => void }) {
  const t = useText();
  const language = useLanguage();
  const queues = useQueues().data ?? [];
  const refresh = useRefresh("requests", "mine");
  const [requestId] = useState(newRequestId);
  const [value, setValue] = useState(allowance);
  const set = (change: Partial<TimeOffAllowance>) => setValue((before) => ({ ...before, ...change }));
  const number = (name: "maxAgents" | "maxPercent", next: string | number) => {
    const { [name]: _, ...rest } = value;
    setValue(next === "" ? rest : { ...rest, [name]: Number(next) });
  };
  const save = async () => {
    if (allowance.timeOffAllowanceId) {
      const params = { path: { "timeOffAllowance.timeOffAllowanceId": allowance.timeOffAllowanceId } };
      const path = "/v1/wfm/timeOffAllowances/{timeOffAllowance.timeOffAllowanceId}";
      await ask(api.PATCH(path, { params, body: { timeOffAllowance: value } }));
    } else {
      await ask(api.POST("/v1/wfm/timeOffAllowances", { body: { requestId, timeOffAllowance: value } }));
    }
    await refresh();
  };
  const end = value.endMinute ?? 0;
  return (
    <FormModal
      title={allowance.displayName || t("requests.allowanceAdd")}
      onClose={onClose}
      onSave={save}
      size="lg"
      testId="allowance"
    >
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.displayName ?? ""}
        onChange={(event) => set({ displayName: event.currentTarget.value })}
        data-testid="allowance-name"
      />
      <MultiSelectField
        label={t("requests.whom")}
        description={t("requests.whomHint")}
        data={optionsOf(queues, "queueId")}
        value={[...(value.queueIds ?? [])]}
        onChange={(queueIds) => set({ queueIds })}
      />
      <div className={classes.pair}>
        <NumberInput
          label={t("requests.maxAgents")}
          min={0}
          max={100_000}
          value={value.maxAgents ?? ""}
          onChange={(next) => number("maxAgents", next)}
          data-testid="allowance-agents"
        />
        <NumberInput
          label={t("requests.maxPercent")}
          min={0}
          max={100}
          value={value.maxPercent ?? ""}
          onChange={(next) => number("maxPercent", next)}
        />
      </div>
      <Switch
        label={t("requests.whereCovered")}
        description={t("requests.whereCoveredHint")}
        checked={value.covered ?? false}
        onChange={(event) => set({ covered: event.currentTarget.checked })}
      />
      <Checkbox.Group
        label={t("requests.weekdays")}
        value={(value.weekdays ?? []).map(String)}
        onChange={(next) => set({ weekdays: next.map(Number) })}
      >
        <div className={classes.row} style={{ paddingBlockStart: 6 }}>
          {WEEK.map((weekday) => (
            <Checkbox key={weekday} value={String(weekday - 1)} label={weekdayName(weekday, language)} />
          ))}
        </div>
      </Checkbox.Group>
      <div className={classes.pair}>
        <TextField
          type="date"
          label={t("mine.firstDay")}
          value={value.firstDay ?? ""}
          onChange={(event) => set({ firstDay: event.currentTarget.value })}
        />
        <TextField
          type="date"
          label={t("mine.lastDay")}
          value={value.lastDay ?? ""}
          onChange={(event) => set({ lastDay: event.currentTarget.value })}
        />
        <TextField
          type="time"
          label={t("mine.fromTime")}
          value={value.startMinute ? clockOf(value.startMinute) : ""}
          onChange={(event) =>
            set({ startMinute: event.currentTarget.value ? minuteOf(event.currentTarget.value) : 0 })
          }
        />
        <TextField
          type="time"
          label={t("mine.toTime")}
          value={end && end < 1440 ? clockOf(end) : ""}
          onChange={(event) =>
            set({ endMinute: event.currentTarget.value ? minuteOf(event.currentTarget.value, true) : 0 })
          }
        />
      </div>
    </FormModal>
  );
}
