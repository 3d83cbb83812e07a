import { Button } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { Link } from "wouter";
import type { QueueTile } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Panel } from "../../ui/Page.tsx";
import { Elapsed } from "../../ui/Time.tsx";
import { length, share } from "./Totals.tsx";
import classes from "./watch.module.css";

export function QueueTiles({ tiles }: { tiles: readonly QueueTile[] }) {
  const t = useText();
  const language = useLanguage();
  if (tiles.length === 0) {
    return (
      <Panel>
        <EmptyState
          icon={IconStack2}
          title={t("watch.noQueues.title")}
          action={
            <Button component={Link} href="/admin/queues" variant="default">
              {t("nav.queues")}
            </Button>
          }
        >
          {t("watch.noQueues.body")}
        </EmptyState>
      </Panel>
    );
  }
  const number = (value: string | number | undefined) => (
    <span className="m-figures">{formatNumber(value ?? 0, language)}</span>
  );
  const columns: Column<QueueTile>[] = [
    { head: t("desktop.queue"), cell: (tile) => <bdi>{tile.queueName}</bdi> },
    { head: t("watch.depth"), testId: "depth", cell: (tile) => number(tile.depth) },
    { head: t("watch.longestWait"), testId: "longest-wait", cell: (tile) => <LongestWait tile={tile} /> },
    { head: t("watch.offered"), testId: "offered", cell: (tile) => number(tile.offered) },
    { head: t("watch.answered"), testId: "answered", cell: (tile) => number(tile.answered) },
    { head: t("watch.abandoned"), testId: "abandoned", cell: (tile) => number(tile.abandoned) },
    {
      head: t("watch.serviceLevelShort"),
      testId: "service-level",
      cell: (tile) => (
        <>
          <span className="m-figures">{share(tile.serviceLevel, language)}</span>{" "}
          <span className={classes.faint}>
            {t("watch.within", {
              seconds: formatNumber(tile.serviceLevelThresholdSeconds || 20, language),
            })}
          </span>
        </>
      ),
    },
    { head: t("watch.asa"), testId: "asa", cell: (tile) => length(tile.asaSeconds) },
    { head: t("watch.aht"), testId: "aht", cell: (tile) => length(tile.ahtSeconds) },
  ];
  return (
    <Panel flush label={t("watch.queues")}>
      <h2 className={`${classes.title} ${classes.padTitle}`}>{t("watch.queues")}</h2>
      <DataTable
        label={t("watch.queues")}
        columns={columns}
        rows={tiles}
        keyOf={(tile) => tile.queueId ?? ""}
        testId={(tile) => `wallboard-queue-${tile.queueId}`}
      />
    </Panel>
  );
}

function LongestWait({ tile }: { tile: QueueTile }) {
  if ((tile.depth ?? 0) === 0) return <>–</>;
  return (
    <span className={classes.alarm}>
      <Elapsed since={tile.longestWaitSince} />
    </span>
  );
}
