import { useMemo } from "react";
import type { Intraday, IntradayInterval } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Lines } from "../Lines.tsx";

const BAND = [1, 2] as const;

function columnsOf(data: Intraday) {
  const rows = data.intervals ?? [];
  const over = data.overCount ?? 0;
  return {
    times: rows.map((each) => Date.parse(each.startTime ?? "") / 1000),
    all: (of: (each: IntradayInterval) => number | null | undefined) => rows.map((each) => of(each) ?? null),
    ahead: (of: (each: IntradayInterval) => number | null | undefined) =>
      rows.map((each, at) => (at < over ? null : (of(each) ?? null))),
  };
}

/** What came against the forecast, and what the rest will bring with how sure that is. */
export function VolumeChart({ data }: { data: Intraday }) {
  const t = useText();
  const drawn = useMemo(() => {
    const { times, all, ahead } = columnsOf(data);
    return {
      times,
      lines: [
        { label: t("intraday.expected"), values: ahead((each) => each.expected), colour: "--m-info" },
        { label: t("planning.low"), values: ahead((each) => each.low), colour: "--m-info", faint: true },
        { label: t("planning.high"), values: ahead((each) => each.high), colour: "--m-info", faint: true },
        { label: t("intraday.forecast"), values: all((each) => each.forecast), colour: "--m-muted" },
        { label: t("intraday.came"), values: all((each) => each.came), colour: "--m-warn", digits: 0 },
      ],
    };
  }, [data, t]);
  return (
    <Lines
      label={t("intraday.volume")}
      {...drawn}
      zone={data.timeZone || "UTC"}
      band={BAND}
      hours
      testId="today-volume-chart"
    />
  );
}

/** Who is required, who is planned to be there, and who was. */
export function AgentsChart({ data }: { data: Intraday }) {
  const t = useText();
  const drawn = useMemo(() => {
    const { times, all } = columnsOf(data);
    return {
      times,
      lines: [
        {
          label: t("intraday.required"),
          values: all((each) => each.requiredAgents),
          colour: "--m-bad",
          stepped: true,
        },
        {
          label: t("intraday.planned"),
          values: all((each) => each.plannedAgents),
          colour: "--m-muted",
          stepped: true,
          faint: true,
        },
        {
          label: t("intraday.staffed"),
          values: all((each) => each.staffedAgents),
          colour: "--m-info",
          stepped: true,
        },
        {
          label: t("intraday.present"),
          values: all((each) => each.presentAgents),
          colour: "--m-warn",
          stepped: true,
        },
      ],
    };
  }, [data, t]);
  return (
    <Lines
      label={t("intraday.agents")}
      {...drawn}
      zone={data.timeZone || "UTC"}
      hours
      testId="today-agents-chart"
    />
  );
}
