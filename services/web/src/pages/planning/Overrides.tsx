import { Button, NumberInput, Select } from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { ForecastOverride, HistorySeries } from "../../api/types.ts";
import { formatDateTime } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { type Language, useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { IconAction } from "../../ui/RowActions.tsx";
import { instantOf } from "./days.ts";
import classes from "./planning.module.css";
import { keyOf } from "./usePlanning.ts";

interface Props {
  series: HistorySeries;
  zone: string;
  mayChange: boolean;
  /** The day that is looked at, where a new one begins. */
  first: string;
}

/** What people know better than the forecast of a queue. */
export function Overrides({ series, zone, mayChange, first }: Props) {
  const t = useText();
  const language = useLanguage();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ForecastOverride>();
  const refresh = useRefresh("wfm");
  const { data, error, refetch } = useQuery({
    queryKey: ["wfm", "overrides", keyOf(series)],
    queryFn: async () => {
      const query = { queueId: series.queueId ?? "", channel: series.channel };
      return (await ask(api.GET("/v1/wfm/forecastOverrides", { params: { query } }))).forecastOverrides ?? [];
    },
  });
  const remove = async () => {
    const path = { forecastOverrideId: removing?.forecastOverrideId ?? "" };
    await ask(api.DELETE("/v1/wfm/forecastOverrides/{forecastOverrideId}", { params: { path } }));
    await refresh();
  };
  return (
    <Panel label={t("planning.overrides")} testId="overrides">
      <div className={classes.head}>
        <div>
          <h2 className={classes.title}>{t("planning.overrides")}</h2>
          <p className={classes.lead}>{t("planning.overridesLead")}</p>
        </div>
        {mayChange && (
          <Button
            variant="default"
            leftSection={<IconPencil size={16} aria-hidden />}
            onClick={() => setAdding(true)}
            data-testid="override-add"
          >
            {t("planning.overrideAdd")}
          </Button>
        )}
      </div>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {data?.length === 0 && <p className={classes.lead}>{t("planning.noOverrides")}</p>}
      {data && data.length > 0 && (
        <DataTable<ForecastOverride>
          label={t("planning.overrides")}
          rows={data}
          keyOf={(row) => row.forecastOverrideId ?? ""}
          columns={[
            { head: t("planning.from"), cell: (row) => formatDateTime(row.startTime, language, zone) },
            { head: t("planning.until"), cell: (row) => formatDateTime(row.endTime, language, zone) },
            { head: t("planning.change"), cell: (row) => changeOf(row, language, t("planning.aht")) },
            { head: t("planning.reason"), cell: (row) => <bdi>{row.reason || "–"}</bdi> },
            {
              head: t("planning.takeBack"),
              quiet: true,
              cell: (row) =>
                mayChange && (
                  <IconAction
                    icon={IconTrash}
                    label={t("planning.takeBack")}
                    onClick={() => setRemoving(row)}
                    testId={`override-${row.forecastOverrideId}-delete`}
                  />
                ),
            },
          ]}
        />
      )}
      {adding && (
        <AddOverride
          series={series}
          zone={zone}
          first={first}
          onClose={() => setAdding(false)}
          onSaved={refresh}
        />
      )}
      <Confirm
        opened={removing !== undefined}
        title={t("planning.takeBack")}
        body={t("planning.takeBackBody")}
        confirm={t("planning.takeBack")}
        onConfirm={remove}
        onClose={() => setRemoving(undefined)}
      />
    </Panel>
  );
}

function changeOf(row: ForecastOverride, language: Language, aht: string): string {
  const parts: string[] = [];
  if (row.total !== undefined) parts.push(formatNumber(row.total ?? 0, language));
  if (row.percent !== undefined) {
    const percent = row.percent ?? 0;
    parts.push(
      `${percent > 0 ? "+" : ""}${formatNumber(percent, language)} ${language === "fa" ? "٪" : "%"}`,
    );
  }
  if (row.ahtSeconds) parts.push(`${aht}: ${formatNumber(row.ahtSeconds, language)}`);
  return parts.join(" · ");
}

type How = "percent" | "total" | "aht";

function AddOverride({
  series,
  zone,
  first,
  onClose,
  onSaved,
}: {
  series: HistorySeries;
  zone: string;
  first: string;
  onClose: () => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
  const [from, setFrom] = useState(`${first}T09:00`);
  const [until, setUntil] = useState(`${first}T17:00`);
  const [how, setHow] = useState<How>("percent");
  const [value, setValue] = useState<number | string>("");
  const [aht, setAht] = useState<number | string>("");
  const [reason, setReason] = useState("");
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const forecastOverride: ForecastOverride = {
      queueId: series.queueId ?? "",
      channel: series.channel,
      startTime: instantOf(from, zone).toISOString(),
      endTime: instantOf(until, zone).toISOString(),
      ...(how === "percent" ? { percent: Number(value) } : {}),
      ...(how === "total" ? { total: Number(value) } : {}),
      ahtSeconds: Number(aht) || 0,
      reason,
    };
    await ask(api.POST("/v1/wfm/forecastOverrides", { body: { requestId, forecastOverride } }));
    await onSaved();
  };
  return (
    <FormModal title={t("planning.overrideAdd")} onClose={onClose} onSave={save} testId="override">
      <p style={{ margin: 0 }}>{t("planning.zone", { zone: `\u2066${zone}\u2069` })}</p>
      <div className={classes.pair}>
        <TextField
          type="datetime-local"
          required
          label={t("planning.from")}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          data-testid="override-from"
        />
        <TextField
          type="datetime-local"
          required
          label={t("planning.until")}
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
          data-testid="override-until"
        />
      </div>
      <Select
        label={t("planning.how")}
        allowDeselect={false}
        data={[
          { value: "percent", label: t("planning.howPercent") },
          { value: "total", label: t("planning.howTotal") },
          { value: "aht", label: t("planning.howAht") },
        ]}
        value={how}
        onChange={(next) => next && setHow(next as How)}
        data-testid="override-how"
      />
      <div className={classes.pair}>
        {how !== "aht" && (
          <NumberInput
            label={t("planning.value")}
            value={value}
            onChange={setValue}
            min={how === "percent" ? -100 : 0}
            data-testid="override-value"
          />
        )}
        <NumberInput
          label={t(how === "aht" ? "planning.aht" : "planning.ahtOptional")}
          value={aht}
          onChange={setAht}
          min={0}
          data-testid="override-aht"
        />
      </div>
      <TextField
        label={t("planning.reason")}
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormModal>
  );
}
