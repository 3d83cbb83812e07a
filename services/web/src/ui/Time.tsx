import { useEffect, useState } from "react";
import { formatDateTime, formatTime } from "../format/dates.ts";
import { formatClock, secondsBetween } from "../format/durations.ts";
import { useLanguage } from "../i18n/index.ts";
import { serverNow } from "../socket/live.ts";

/** The server's time, renewed every `ms`: every timer on screen is the server's. */
export function useServerNow(ms = 1000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}

/** Runs up from an instant. */
export function Elapsed({ since, testId }: { since: string | undefined; testId?: string }) {
  const now = useServerNow(500);
  const language = useLanguage();
  if (!since) return <span className="m-figures">–</span>;
  return (
    <time className="m-figures" dateTime={since} data-testid={testId}>
      {formatClock(secondsBetween(since, now), language)}
    </time>
  );
}

/** Runs down to a deadline of the server. */
export function Remaining({ until, testId }: { until: string | undefined; testId?: string }) {
  const now = useServerNow(250);
  const language = useLanguage();
  const left = until ? (Date.parse(until) - now) / 1000 : 0;
  return (
    <time className="m-figures" dateTime={until} data-testid={testId}>
      {formatClock(Math.ceil(left), language)}
    </time>
  );
}

export function Length({ seconds }: { seconds: number }) {
  const language = useLanguage();
  return <span className="m-figures">{formatClock(seconds, language)}</span>;
}

export function DateTime({ value }: { value: string | undefined }) {
  const language = useLanguage();
  return (
    <time className="m-figures" dateTime={value} style={{ whiteSpace: "nowrap" }}>
      {formatDateTime(value, language)}
    </time>
  );
}

export function TimeOfDay({ value, seconds }: { value: string | undefined; seconds?: boolean }) {
  const language = useLanguage();
  return (
    <time className="m-figures" dateTime={value}>
      {formatTime(value, language, undefined, seconds)}
    </time>
  );
}
