import { useEffect, useState } from "react";
import type { Wallboard } from "../../api/types.ts";
import { formatClock, secondsBetween } from "../../format/durations.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { useSocketStatus } from "../../socket/live.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { useServerNow } from "../../ui/Time.tsx";
import { AgentTiles } from "./AgentTiles.tsx";
import { QueueTiles } from "./QueueTiles.tsx";
import { Totals } from "./Totals.tsx";
import { Trend } from "./Trend.tsx";
import { useWallboard } from "./useWallboard.ts";
import classes from "./watch.module.css";
import { WaitingPanel } from "./why/WaitingPanel.tsx";

export default function WallboardPage() {
  const t = useText();
  const { data, error, isPending, refetch } = useWallboard();
  return (
    <>
      <PageHeader
        title={t("nav.wallboard")}
        subtitle={t("watch.today")}
        actions={data && <DataAge board={data} />}
      />
      {isPending && <Loading />}
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {data && (
        <>
          <Totals total={data.total ?? {}} />
          <div className={classes.stack}>
            <QueueTiles tiles={data.queues ?? []} />
            <WaitingPanel />
            <div className={classes.columns}>
              <Trend board={data} />
              <AgentTiles tiles={data.agents ?? []} counts={data.agentStates ?? []} />
            </div>
          </div>
        </>
      )}
    </>
  );
}

/** How old the figures are, so that a wallboard that stands still can't pass for a quiet day. */
function DataAge({ board }: { board: Wallboard }) {
  const t = useText();
  const language = useLanguage();
  const now = useServerNow();
  const live = useSocketStatus() === "open";
  const [arrived, setArrived] = useState(now);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new board has just arrived
  useEffect(() => setArrived(now), [board]);
  const age = Math.max(
    0,
    board.computeTime ? secondsBetween(board.computeTime, now) : (now - arrived) / 1000,
  );
  return (
    <span className={classes.age} data-testid="wallboard-age" data-seconds={Math.round(age)}>
      <Tag tone={live ? "good" : "bad"} dot>
        {live ? t("watch.live") : t("watch.notLive")}
      </Tag>
      {t("watch.age", { time: formatClock(age, language) })}
    </span>
  );
}
