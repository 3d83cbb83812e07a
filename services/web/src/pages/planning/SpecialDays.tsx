import { Button, NumberInput, Select } from "@mantine/core";
import { IconCalendarEvent, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { optionsOf, useQueues } from "../../api/names.ts";
import type { SpecialDay, SpecialDayKind } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { MultiSelectField, TextField } from "../../ui/fields.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { IconAction } from "../../ui/RowActions.tsx";
import { noonOf, ZONELESS } from "./days.ts";
import classes from "./planning.module.css";

const KINDS = ["SPECIAL", "CLOSURE", "CAMPAIGN"] as const;

/** Holidays, closures and campaigns. */
export function SpecialDays({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<SpecialDay>();
  const [removing, setRemoving] = useState<SpecialDay>();
  const refresh = () => queries.invalidateQueries({ queryKey: ["wfm", "specialDays"] });
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["wfm", "specialDays"],
    queryFn: async () => (await ask(api.GET("/v1/wfm/specialDays"))).specialDays ?? [],
  });
  const day = (value: string | undefined) => formatDate(noonOf(value), language, ZONELESS);
  const add = mayChange && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setEditing({ kind: "SPECIAL_DAY_KIND_SPECIAL" })}
      data-testid="special-day-add"
    >
      {t("planning.dayAdd")}
    </Button>
  );
  if (isPending) return <Loading />;
  return (
    <>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {!data ? null : data.length > 0 ? (
        <>
          <div className={classes.bar}>{add}</div>
          <Panel label={t("planning.tab.calendar")} flush>
            <DataTable<SpecialDay>
              label={t("planning.tab.calendar")}
              rows={data}
              keyOf={(row) => row.specialDayId ?? ""}
              columns={[
                { head: t("common.name"), cell: (row) => <bdi>{row.name}</bdi> },
                { head: t("planning.kind"), cell: (row) => textOr("planningKind", kindOf(row)) },
                { head: t("planning.firstDay"), cell: (row) => day(row.firstDay) },
                { head: t("planning.lastDay"), cell: (row) => day(row.lastDay) },
                {
                  head: t("planning.percent"),
                  cell: (row) => (row.percent === undefined ? "–" : formatNumber(row.percent ?? 0, language)),
                },
                {
                  head: t("planning.change"),
                  quiet: true,
                  cell: (row) =>
                    mayChange && (
                      <>
                        <IconAction
                          icon={IconPencil}
                          label={`${t("common.edit")}: ${row.name}`}
                          onClick={() => setEditing(row)}
                        />
                        <IconAction
                          icon={IconTrash}
                          label={`${t("common.delete")}: ${row.name}`}
                          onClick={() => setRemoving(row)}
                        />
                      </>
                    ),
                },
              ]}
            />
          </Panel>
        </>
      ) : (
        <Panel>
          <EmptyState icon={IconCalendarEvent} title={t("planning.dayNone")} action={add}>
            {t("planning.dayNoneBody")}
          </EmptyState>
        </Panel>
      )}
      {editing && <DayForm day={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
      <Confirm
        opened={removing !== undefined}
        title={`${t("common.delete")}: ${removing?.name ?? ""}`}
        body={t("planning.deleteBody")}
        confirm={t("common.delete")}
        onConfirm={async () => {
          const path = { specialDayId: removing?.specialDayId ?? "" };
          await ask(api.DELETE("/v1/wfm/specialDays/{specialDayId}", { params: { path } }));
          await refresh();
        }}
        onClose={() => setRemoving(undefined)}
      />
    </>
  );
}

function kindOf(day: SpecialDay): string {
  return (day.kind ?? "SPECIAL_DAY_KIND_SPECIAL").replace("SPECIAL_DAY_KIND_", "");
}

function DayForm({
  day,
  onClose,
  onSaved,
}: {
  day: SpecialDay;
  onClose: () => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
  const queues = useQueues().data ?? [];
  const [value, setValue] = useState(day);
  const [requestId] = useState(newRequestId);
  const set = (change: Partial<SpecialDay>) => setValue((before) => ({ ...before, ...change }));
  const save = async () => {
    const { percent, ...rest } = value;
    const learns = percent === undefined || value.kind === "SPECIAL_DAY_KIND_CLOSURE";
    const specialDay = learns ? rest : { ...rest, percent };
    if (day.specialDayId) {
      const params = { path: { "specialDay.specialDayId": day.specialDayId } };
      await ask(api.PATCH("/v1/wfm/specialDays/{specialDay.specialDayId}", { params, body: { specialDay } }));
    } else {
      await ask(api.POST("/v1/wfm/specialDays", { body: { requestId, specialDay } }));
    }
    await onSaved();
  };
  return (
    <FormModal
      title={day.specialDayId ? (day.name ?? "") : t("planning.dayAdd")}
      onClose={onClose}
      onSave={save}
      testId="special-day"
    >
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.name ?? ""}
        onChange={(event) => set({ name: event.currentTarget.value })}
        data-testid="special-day-name"
      />
      <Select
        label={t("planning.kind")}
        allowDeselect={false}
        data={KINDS.map((each) => ({ value: each, label: t(`planningKind.${each}`) }))}
        value={kindOf(value)}
        onChange={(next) => next && set({ kind: `SPECIAL_DAY_KIND_${next}` as SpecialDayKind })}
      />
      <div className={classes.pair}>
        <TextField
          type="date"
          required
          label={t("planning.firstDay")}
          value={value.firstDay ?? ""}
          onChange={(event) => set({ firstDay: event.currentTarget.value })}
          data-testid="special-day-first"
        />
        <TextField
          type="date"
          label={t("planning.lastDay")}
          value={value.lastDay ?? ""}
          onChange={(event) => set({ lastDay: event.currentTarget.value })}
        />
      </div>
      {kindOf(value) !== "CLOSURE" && (
        <NumberInput
          label={t("planning.percent")}
          description={kindOf(value) === "SPECIAL" ? t("planning.percentHint") : undefined}
          min={-100}
          max={1000}
          value={value.percent ?? ""}
          onChange={(next) => {
            const { percent: _, ...rest } = value;
            setValue(next === "" ? rest : { ...rest, percent: Number(next) });
          }}
        />
      )}
      <MultiSelectField
        label={t("planning.queues")}
        description={t("planning.queuesHint")}
        data={optionsOf(queues, "queueId")}
        value={[...(value.queueIds ?? [])]}
        onChange={(queueIds) => set({ queueIds })}
      />
    </FormModal>
  );
}
