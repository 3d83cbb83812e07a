/** @jsxImportSource preact */
/** What a customer sees: a button, then one small panel for the whole call. */
import { useEffect, useState } from "preact/hooks";
import { formatClock } from "../src/format/durations.ts";
import { localDigits } from "../src/format/numbers.ts";
import type { Call, Place } from "./call.ts";
import type { Language, Texts } from "./texts.ts";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const KEY_NAMES: Record<string, string> = { "*": "star", "#": "pound" };

export interface Brand {
  name: string;
  language: Language;
  texts: Texts;
}

export function Widget({ call, brand, open }: { call: Call; brand: Brand; open: boolean }) {
  const [shown, show] = useState(open || call.live);
  const [caller, setCaller] = useState({ name: "", number: "" });
  const { phase, problem, lost, number, otherSideStalled } = call.state;
  const { texts } = brand;
  if (!shown && phase === "idle") {
    return (
      <button type="button" class="launch" data-testid="widget-open" onClick={() => show(true)}>
        {texts.call}
      </button>
    );
  }
  const over = ["ended", "cut", "refused", "closed", "error"].includes(phase);
  return (
    <section class="panel" aria-label={brand.name} data-testid="widget-panel">
      <h2>{brand.name}</h2>
      <p
        role="status"
        aria-live="polite"
        class={phase === "error" ? "problem" : ""}
        data-testid="widget-state"
        data-phase={phase}
      >
        {phase === "error" ? texts.errors[problem ?? "failed"] : statusText(texts, phase)}{" "}
        {phase === "queued" && placeText(brand, call.state.place)}
        {phase === "answered" && <Clock since={call.state.answeredAt} language={brand.language} />}
      </p>
      {call.live && lost && (
        <p role="alert" class="problem" data-testid="widget-lost" data-lost={lost}>
          {lost === "sound" ? texts.lost : texts.reconnecting}
        </p>
      )}
      {call.live && !lost && otherSideStalled && (
        <p role="status" data-testid="widget-other-side">
          {texts.otherSide}
        </p>
      )}
      {call.live && number && (
        <p data-testid="widget-understood">
          {texts.understood} <bdi dir="ltr">{number}</bdi>
        </p>
      )}
      {phase === "idle" && (
        <Start call={call} texts={texts} caller={caller} change={setCaller} close={() => show(false)} />
      )}
      {call.live && <InCall call={call} texts={texts} />}
      {over && (
        <div class="row">
          <button type="button" class="call" data-testid="widget-again" onClick={() => call.dismiss()}>
            {texts.again}
          </button>
        </div>
      )}
    </section>
  );
}

interface Caller {
  name: string;
  number: string;
}

interface StartProps {
  call: Call;
  texts: Texts;
  caller: Caller;
  change: (caller: Caller) => void;
  close: () => void;
}

function Start({ call, texts, caller, change, close }: StartProps) {
  const { name, number } = caller;
  const refused = call.state.numberRefused;
  const begin = (event: Event) => {
    event.preventDefault();
    void call.start(name.trim(), number.trim());
  };
  return (
    <form onSubmit={begin}>
      <label>
        {texts.name}
        <input
          data-testid="widget-name"
          autocomplete="name"
          maxLength={100}
          value={name}
          onInput={(e) => change({ ...caller, name: e.currentTarget.value })}
        />
      </label>
      <label>
        {texts.number}
        <input
          data-testid="widget-number"
          type="tel"
          autocomplete="tel"
          maxLength={40}
          value={number}
          aria-invalid={refused}
          aria-describedby={refused ? "number-refused" : undefined}
          onInput={(e) => change({ ...caller, number: e.currentTarget.value })}
        />
      </label>
      {refused && (
        <p role="alert" class="problem" id="number-refused" data-testid="widget-number-refused">
          {texts.numberRefused}
        </p>
      )}
      <div class="row">
        <button class="call" type="submit" data-testid="widget-call">
          {texts.call}
        </button>
        <button type="button" data-testid="widget-close" onClick={close}>
          {texts.close}
        </button>
      </div>
    </form>
  );
}

function InCall({ call, texts }: { call: Call; texts: Texts }) {
  const { muted, phase } = call.state;
  return (
    <>
      {phase !== "calling" && (
        <fieldset class="keys" aria-label={texts.keypad}>
          {KEYS.map((key) => (
            <button
              type="button"
              key={key}
              aria-label={`${texts.key} ${key}`}
              data-testid={`widget-key-${KEY_NAMES[key] ?? key}`}
              onClick={() => call.press(key)}
            >
              {key}
            </button>
          ))}
        </fieldset>
      )}
      <div class="row">
        <button
          type="button"
          aria-pressed={muted}
          data-testid="widget-mute"
          onClick={() => call.mute(!muted)}
        >
          {muted ? texts.unmute : texts.mute}
        </button>
        <button type="button" class="hang" data-testid="widget-hangup" onClick={() => call.hangUp()}>
          {texts.hangUp}
        </button>
      </div>
    </>
  );
}

function Clock({ since, language }: { since: number | undefined; language: Language }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span class="clock">{formatClock((now - (since ?? now)) / 1000, language)}</span>;
}

function placeText({ texts, language }: Brand, place: Place | undefined): string {
  if (!place) return "";
  const fill = (text: string, ...numbers: number[]) =>
    numbers.reduce((filled, each) => filled.replace("#", localDigits(String(each), language)), text);
  const where = fill(texts.place, place.position);
  if (place.waitHighSeconds === undefined) return where;
  const low = Math.max(1, Math.floor((place.waitLowSeconds ?? 0) / 60));
  const high = Math.ceil(place.waitHighSeconds / 60);
  const wait = high <= 1 ? texts.soon : low < high ? fill(texts.between, low, high) : fill(texts.about, high);
  return `${where} ${wait}`;
}

function statusText(texts: Texts, phase: Exclude<Call["state"]["phase"], "error">): string {
  return phase === "idle" ? "" : texts[phase];
}
