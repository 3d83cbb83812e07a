import { Button, Table } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { Link } from "wouter";
import type { QueueTile } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Panel, TableWrap } from "../../ui/Page.tsx";
import { Elapsed } from "../../ui/Time.tsx";
import { length, share } from "./Totals.tsx";
import classes from "./watch.module.css";

export function QueueTiles({ tiles }: { tiles: readonly QueueTile[] }) {
  const t = useText();
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
  return (
    <Panel flush label={t("watch.queues")}>
      <h2 className={`${classes.title} ${classes.padTitle}`}>{t("watch.queues")}</h2>
      <TableWrap label={t("watch.queues")}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("desktop.queue")}</Table.Th>
              <Table.Th>{t("watch.depth")}</Table.Th>
              <Table.Th>{t("watch.longestWait")}</Table.Th>
              <Table.Th>{t("watch.offered")}</Table.Th>
              <Table.Th>{t("watch.answered")}</Table.Th>
              <Table.Th>{t("watch.abandoned")}</Table.Th>
              <Table.Th>{t("watch.serviceLevelShort")}</Table.Th>
              <Table.Th>{t("watch.asa")}</Table.Th>
              <Table.Th>{t("watch.aht")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {tiles.map((tile) => (
              <Row key={tile.queueId} tile={tile} />
            ))}
          </Table.Tbody>
        </Table>
      </TableWrap>
    </Panel>
  );
}

function Row({ tile }: { tile: QueueTile }) {
  const language = useLanguage();
  const number = (value: string | number | undefined) => (
    <span className="m-figures">{formatNumber(value ?? 0, language)}</span>
  );
  const waiting = (tile.depth ?? 0) > 0;
  return (
    <Table.Tr data-testid={`wallboard-queue-${tile.queueId}`}>
      <Table.Th scope="row" style={{ color: "inherit", fontSize: "0.95rem" }}>
        <bdi>{tile.queueName}</bdi>
      </Table.Th>
      <Table.Td data-testid="depth">{number(tile.depth)}</Table.Td>
      <Table.Td data-testid="longest-wait" className={waiting ? classes.alarm : ""}>
        {waiting ? <Elapsed since={tile.longestWaitSince} /> : "–"}
      </Table.Td>
      <Table.Td data-testid="offered">{number(tile.offered)}</Table.Td>
      <Table.Td data-testid="answered">{number(tile.answered)}</Table.Td>
      <Table.Td data-testid="abandoned">{number(tile.abandoned)}</Table.Td>
      <Table.Td data-testid="service-level">
        <span className="m-figures">{share(tile.serviceLevel, language)}</span>{" "}
        <span
          style={{ color: "var(--m-muted)", fontSize: "0.82rem", whiteSpace: "nowrap" }}
          className="m-ltr"
        >
          ≤ {formatNumber(tile.serviceLevelThresholdSeconds || 20, language)} s
        </span>
      </Table.Td>
      <Table.Td data-testid="asa">{length(tile.asaSeconds)}</Table.Td>
      <Table.Td data-testid="aht">{length(tile.ahtSeconds)}</Table.Td>
    </Table.Tr>
  );
}
