import { Select, Tabs } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { Suspense, useState } from "react";
import { useSearch } from "wouter";
import { textOr, useText } from "../../i18n/index.ts";
import { mayEnter } from "../../session/roles.ts";
import { useSession } from "../../session/session.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { ForecastView } from "./ForecastView.tsx";
import { ImportHistory } from "./ImportHistory.tsx";
import classes from "./planning.module.css";
import { RunBar } from "./RunBar.tsx";
import { SpecialDays } from "./SpecialDays.tsx";
import { StaffingView } from "./StaffingView.tsx";
import { keyOf, useRuns, useSeries } from "./usePlanning.ts";

const SchedulesView = lazyPage(() => import("./schedules/SchedulesView.tsx"));
const TABS = ["forecast", "staffing", "schedules", "import", "calendar"] as const;

/** What will come and how many it takes; where that is known from. */
export default function PlanningPage() {
  const t = useText();
  const session = useSession();
  const mayChange = session.status === "signedIn" && mayEnter(session.user.role, "manage");
  const asked = new URLSearchParams(useSearch()).get("tab");
  const [tab, setTab] = useState<string | null>(TABS.find((each) => each === asked) ?? "forecast");
  const known = useSeries();
  const runs = useRuns();
  const [chosen, setChosen] = useState("");
  const [runId, setRunId] = useState("");
  const series = known.data?.series ?? [];
  const zone = known.data?.zone ?? "UTC";
  const one = series.find((each) => keyOf(each) === chosen) ?? series[0];
  const run = runs.data?.find((each) => each.forecastRunId === runId) ?? runs.data?.[0];
  const bar = (
    <div className={classes.bar}>
      <Select
        label={t("planning.series")}
        searchable
        allowDeselect={false}
        data={series.map((each) => ({
          value: keyOf(each),
          label: `${each.queueName || each.queueId} · ${textOr("planningChannel", channelOf(each.channel))}`,
        }))}
        value={one ? keyOf(one) : null}
        onChange={(next) => next && setChosen(next)}
        data-testid="planning-series"
      />
      <RunBar runs={runs.data ?? []} run={run} onChoose={setRunId} mayChange={mayChange} />
    </div>
  );
  const problem = known.error ?? runs.error;
  const again = () => void Promise.all([known.refetch(), runs.refetch()]);
  const empty = (
    title: "planning.none" | "planning.noRuns",
    body: "planning.noneBody" | "planning.noRunsBody",
  ) => (
    <Panel>
      <EmptyState icon={IconChartBar} title={t(title)}>
        {t(body)}
      </EmptyState>
    </Panel>
  );
  const shown = (View: typeof ForecastView | typeof StaffingView) => {
    if (!known.data || !runs.data) return problem ? null : <Loading />;
    if (!one) return empty("planning.none", "planning.noneBody");
    return (
      <>
        {bar}
        {run ? (
          <View key={run.forecastRunId} run={run} series={one} zone={zone} mayChange={mayChange} />
        ) : (
          empty("planning.noRuns", "planning.noRunsBody")
        )}
      </>
    );
  };
  return (
    <>
      <PageHeader title={t("nav.planning")} subtitle={t("planning.lead")} />
      <ProblemNote problem={problem} onRetry={again} />
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="lg">
          {TABS.map((each) => (
            <Tabs.Tab key={each} value={each} data-testid={`planning-${each}`}>
              {t(`planning.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="forecast">{shown(ForecastView)}</Tabs.Panel>
        <Tabs.Panel value="staffing">{shown(StaffingView)}</Tabs.Panel>
        <Tabs.Panel value="schedules">
          <Suspense fallback={<Loading />}>
            <SchedulesView mayChange={mayChange} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="import">
          <ImportHistory series={series} mayChange={mayChange} zone={zone} />
        </Tabs.Panel>
        <Tabs.Panel value="calendar">
          <SpecialDays mayChange={mayChange} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function channelOf(channel: string | undefined): string {
  return (channel ?? "CHANNEL_VOICE").replace("CHANNEL_", "");
}
