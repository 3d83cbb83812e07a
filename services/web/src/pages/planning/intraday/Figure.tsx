import classes from "./intraday.module.css";

interface Props {
  label: string;
  value: string;
  /** Beside it, smaller. */
  note?: string;
  /** Something to look at. */
  bad?: boolean;
  testId?: string;
}

/** One figure of a day. */
export function Figure({ label, value, note, bad, testId }: Props) {
  return (
    <div className={classes.figure} data-testid={testId}>
      <div className={classes.figureLabel}>{label}</div>
      <div className={`${classes.figureValue} m-figures ${bad ? classes.bad : ""}`}>{value}</div>
      {note && <div className={classes.quiet}>{note}</div>}
    </div>
  );
}
