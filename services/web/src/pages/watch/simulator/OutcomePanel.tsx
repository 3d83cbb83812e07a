import { NativeSelect } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconEqual } from "@tabler/icons-react";
import { useState } from "react";
import { useNames } from "../../../api/names.ts";
import type { SimulateDayResponse } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { type Cell, distinct, type Figure, figuresOf, queuesOf, rowsOf } from "./outcome.ts";
import { useFigures } from "./saying.ts";
import classes from "./simulator.module.css";

/** What came of the day under each set of rules, side by side; of all queues together, or of one. */
export function OutcomePanel({ outcome }: { outcome: SimulateDayResponse }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const [picked, setPicked] = useState("");
  const days = outcome.days ?? [];
  const came = queuesOf(days);
  const queueId = came.includes(picked) ? picked : "";
  const offered = days[0] && figuresOf(days[0], queueId)?.offered;
  const heads = distinct(days.map((day, index) => (index ? day.name || "–" : t("simulator.asItIs"))));
  const rows = rowsOf(days, queueId);
  return (
    <Panel flush label={t("simulator.outcome")} testId="simulator-outcome">
      <div className={classes.outcomeHead}>
        <div>
          <h2 className={classes.title}>{t("simulator.outcome")}</h2>
          <p className={classes.hint}>
            {t("simulator.contacts", { count: formatNumber(offered ?? 0, language) })}
          </p>
        </div>
        <NativeSelect
          label={t("simulator.of")}
          value={queueId}
          onChange={(event) => setPicked(event.currentTarget.value)}
          data={[
            { value: "", label: t("watch.total") },
            ...came.map((each) => ({ value: each, label: names.queue(each) })),
          ]}
          data-testid="simulator-of"
        />
      </div>
      <DataTable
        label={t("simulator.outcome")}
        rows={rows}
        keyOf={({ figure }) => figure.name}
        testId={({ figure }) => `figure-${figure.name}`}
        columns={[
          { head: t("simulator.figure"), cell: ({ figure }) => <FigureName figure={figure} /> },
          ...heads.map((head, index) => ({
            head,
            cell: ({ figure, cells }: (typeof rows)[number]) => (
              <FigureCell figure={figure} cell={cells[index]} testId={`day-${index}`} />
            ),
          })),
        ]}
      />
      {queueId !== "" && <p className={classes.foot}>{t("simulator.wholeOnly")}</p>}
    </Panel>
  );
}

function FigureName({ figure }: { figure: Figure }) {
  const t = useText();
  return <span className={classes.figure}>{t(`simulator.figure.${figure.name}`)}</span>;
}

function FigureCell({ figure, cell, testId }: { figure: Figure; cell: Cell | undefined; testId: string }) {
  const write = useFigures();
  if (!cell) return null;
  return (
    <div className={classes.cell} data-testid={testId} data-value={cell.value} data-verdict={cell.verdict}>
      <span className={classes.value}>{write(cell.value, figure.kind)}</span>
      <span className={classes.track} aria-hidden>
        <span className={classes.bar} style={{ inlineSize: `${Math.round(cell.bar * 100)}%` }} />
      </span>
      <Difference figure={figure} cell={cell} />
    </div>
  );
}

/** How far from the rules as they are: an arrow and a word say what the colour says. */
function Difference({ figure, cell }: { figure: Figure; cell: Cell }) {
  const t = useText();
  const write = useFigures();
  if (cell.difference === undefined) return null;
  if (cell.verdict === "same") {
    return (
      <Tag>
        <IconEqual size={14} aria-hidden />
        {t("simulator.same")}
      </Tag>
    );
  }
  const more = cell.difference > 0;
  const Arrow = more ? IconArrowUp : IconArrowDown;
  const tone = cell.verdict === "better" ? "good" : cell.verdict === "worse" ? "bad" : "neutral";
  const size = write(cell.difference, figure.kind, true);
  const text = t(more ? "simulator.more" : "simulator.less", { size });
  return (
    <Tag tone={tone}>
      <Arrow size={14} aria-hidden />
      {cell.verdict === "other" ? text : `${text} · ${t(`simulator.verdict.${cell.verdict}`)}`}
    </Tag>
  );
}
