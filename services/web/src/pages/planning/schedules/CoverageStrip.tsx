import { memo, useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatNumber } from "../../../format/numbers.ts";
import { language as languageNow, useLanguage, useText } from "../../../i18n/index.ts";
import { directionOf } from "../../../i18n/languages.ts";
import type { Axis } from "./axis.ts";
import { hoursIn, type Stack } from "./coverage.ts";
import classes from "./gantt.module.css";
import { QUARTER } from "./time.ts";
import { timeText } from "./words.ts";

const HEIGHT = 137;
const LINE = "--mantine-color-text";

interface Props {
  axis: Axis;
  /** By quarters from the axis' start on; shorter where the week ends before the axis. */
  stack: Stack;
  zone: string;
}

/** Requirement against coverage as stacked areas, beneath the shifts and on the same line of time. */
export const CoverageStrip = memo(function CoverageStrip({ axis, stack, zone }: Props) {
  const t = useText();
  const language = useLanguage();
  const direction = directionOf(language);
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [slot, setSlot] = useState<number | null>(null);
  const data = useMemo(() => dataOf(stack, axis), [stack, axis]);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(
      optionsOf(axis, direction, (tone) => painted(element, tone), setSlot),
      latest.current,
      element,
    );
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = undefined;
    };
  }, [axis, direction]);
  useEffect(() => {
    plot.current?.setData(data, true);
  }, [data]);
  const at = slot === null || slot >= stack.needed.length ? null : slot;
  const value = (row: Float64Array) => formatNumber((at === null ? hoursIn(row) : row[at]) ?? 0, language, 1);
  const rows: [string, string, Float64Array][] = [
    [t("schedules.needed"), LINE, stack.needed],
    [t("schedules.met"), "--m-info", stack.met],
    [t("schedules.missing"), "--m-bad", stack.missing],
    [t("schedules.spare"), "--m-warn", stack.spare],
  ];
  const said = rows.map(([name, , row]) => `${name}: ${formatNumber(hoursIn(row), language, 1)}`).join(". ");
  return (
    <figure
      className={classes.strip}
      style={{ margin: 0, inlineSize: `calc(var(--name) + ${axis.width}px)` }}
    >
      <figcaption className={classes.legend}>
        <div>
          {at === null ? t("schedules.agentHours") : timeText(axis.start + at * QUARTER, zone, language)}
        </div>
        <dl>
          {rows.map(([name, tone, row]) => (
            <div key={name} style={{ display: "contents" }}>
              <span
                className={classes.swatch}
                style={{ background: tone === LINE ? `var(${tone})` : thin(tone) }}
                aria-hidden
              />
              <dt style={{ display: "block" }}>{name}</dt>
              <dd data-testid={`sum-${tone}`}>{value(row)}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
      <div
        ref={box}
        className={classes.plot}
        dir="ltr"
        role="img"
        aria-label={`${t("schedules.coverage")}. ${said}`}
        data-testid="coverage-chart"
      />
    </figure>
  );
});

/** A colour of the theme laid thinly over the strip's own, opaque: areas are drawn one over the other. */
const thin = (tone: string) => `color-mix(in srgb, var(${tone}) 62%, var(--m-surface-2))`;

/** What a colour comes to, for a canvas. */
function painted(element: HTMLElement, css: string): string {
  const probe = document.createElement("span");
  probe.style.color = css;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** The areas as sums, the highest first: each is drawn over the one before. */
function dataOf(stack: Stack, axis: Axis): uPlot.AlignedData {
  const count = stack.needed.length;
  const times = new Float64Array(count + 1);
  const rows = Array.from({ length: 4 }, () => new Float64Array(count + 1));
  for (let at = 0; at <= count; at += 1) {
    times[at] = (axis.start + at * QUARTER) / 1000;
    const from = Math.min(at, count - 1); // the last quarter lasts, too
    const [met, missing, spare] = [stack.met[from] ?? 0, stack.missing[from] ?? 0, stack.spare[from] ?? 0];
    const sums = [met + missing + spare, met + missing, met, stack.needed[from] ?? 0];
    sums.forEach((sum, row) => {
      const target = rows[row];
      if (target) target[at] = sum;
    });
  }
  return [times, ...rows] as unknown as uPlot.AlignedData;
}

function optionsOf(
  axis: Axis,
  direction: "ltr" | "rtl",
  paint: (css: string) => string,
  onSlot: (slot: number | null) => void,
): uPlot.Options {
  const paths = uPlot.paths.stepped?.({ align: 1 });
  const area = (tone: string): uPlot.Series => ({
    fill: paint(thin(tone)),
    width: 0,
    points: { show: false },
    ...(paths && { paths }),
  });
  return {
    width: axis.width,
    height: HEIGHT,
    padding: [6, 0, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    scales: {
      x: {
        time: false,
        dir: direction === "rtl" ? -1 : 1,
        range: () => [axis.start / 1000, axis.end / 1000],
      },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] },
    },
    axes: [{ show: false }, { show: false, size: 0 }],
    series: [
      {},
      area("--m-warn"),
      area("--m-bad"),
      area("--m-info"),
      {
        stroke: paint("var(--mantine-color-text)"),
        width: 1.5,
        points: { show: false },
        ...(paths && { paths }),
      },
    ],
    hooks: {
      drawClear: [(plot) => drawScale(plot, direction, paint)],
      setCursor: [(plot) => onSlot(plot.cursor.idx ?? null)],
    },
  };
}

/** A line and a number for how many agents that is: axes would take room the shifts above don't leave. */
function drawScale(plot: uPlot, direction: "ltr" | "rtl", paint: (css: string) => string): void {
  const most = plot.scales.y?.max ?? 0;
  const rough = most / 2.5;
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  const step = Math.max(1, [1, 2, 5, 10].map((each) => each * unit).find((each) => each >= rough) ?? rough);
  const { ctx } = plot;
  const [left, width] = [plot.bbox.left, plot.bbox.width];
  ctx.save();
  ctx.strokeStyle = paint("var(--m-line)");
  ctx.fillStyle = paint("var(--m-muted)");
  ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = direction === "rtl" ? "right" : "left";
  for (let agents = step; agents < most; agents += step) {
    const y = plot.valToPos(agents, "y", true);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.fillText(
      formatNumber(agents, languageNow()),
      direction === "rtl" ? left + width - 4 : left + 4,
      y - 3,
    );
  }
  ctx.restore();
}
