import { Button, Group, NumberInput, SimpleGrid, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import type { SimulationInput, Waiting } from "../../../api/types.ts";
import { toDuration } from "../../../format/durations.ts";
import { latinDigits, localDigits } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Form } from "../../../ui/Form.tsx";
import { Customer, Lists, Shares, Standing } from "./Circumstances.tsx";
import { complete, outcomeInput, outcomesFor } from "./inputs.ts";
import classes from "./simulator.module.css";

interface Props {
  waiting: Waiting;
  onGive: (input: SimulationInput) => void;
}

/** What can happen next, by what the flow waits for. */
export function Inputs({ waiting, onGive }: Props) {
  const kinds = waiting.kinds ?? [];
  return (
    <div className={classes.inputs}>
      {kinds.includes("digits") && <Keypad waiting={waiting} onGive={onGive} />}
      {kinds.includes("text") && <Spoken waiting={waiting} onGive={onGive} />}
      {kinds.includes("http_answer") && <HttpAnswer waiting={waiting} onGive={onGive} />}
      {kinds.includes("split") && <Shares waiting={waiting} onGive={onGive} />}
      {kinds.includes("queue_standing") && <Standing onGive={onGive} />}
      {kinds.includes("number_lists") && <Lists onGive={onGive} />}
      {kinds.includes("customer") && <Customer onGive={onGive} />}
      <Outcomes waiting={waiting} onGive={onGive} />
      <HangUp onGive={onGive} />
    </div>
  );
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

function Keypad({ waiting, onGive }: Props) {
  const t = useText();
  const language = useLanguage();
  const [digits, setDigits] = useState("");
  const press = (key: string) => {
    const next = digits + key;
    if (complete(next, waiting)) {
      setDigits("");
      onGive({ digits: next });
    } else setDigits(next);
  };
  const done = () => {
    setDigits("");
    onGive({ timedOut: digits });
  };
  return (
    <>
      {/* A telephone's keys stand as they do everywhere, from left to right. */}
      <div className={classes.keys} dir="ltr">
        {KEYS.map((key) => (
          <Button key={key} variant="default" onClick={() => press(key)} data-testid={`simulator-key-${key}`}>
            {localDigits(key, language)}
          </Button>
        ))}
      </div>
      <Form
        onSubmit={() => {
          if (!digits) return;
          setDigits("");
          onGive({ digits });
        }}
        className={classes.typed}
      >
        <TextInput
          aria-label={t("simulator.digits")}
          placeholder={t("simulator.digits")}
          dir="ltr"
          value={digits}
          onChange={(event) => setDigits(latinDigits(event.currentTarget.value).replace(/[^0-9*#]/g, ""))}
          data-testid="simulator-digits"
        />
        <Button type="submit" disabled={!digits} data-testid="simulator-press">
          {t("simulator.press")}
        </Button>
      </Form>
      <Button variant="default" onClick={done} data-testid="simulator-time-out">
        {t("simulator.letTimeRunOut")}
      </Button>
    </>
  );
}

/** What the caller says; what a menu would understand can be chosen. */
function Spoken({ waiting, onGive }: Props) {
  const t = useText();
  const [words, setWords] = useState("");
  const phrases = waiting.phrases ?? [];
  const say = (text: string) => {
    setWords("");
    onGive({ text });
  };
  return (
    <>
      <Form onSubmit={() => words.trim() && say(words.trim())} className={classes.typed}>
        <TextInput
          label={t("simulator.words")}
          description={t(phrases.length > 0 ? "simulator.wordsHint" : "simulator.noWords")}
          dir="auto"
          maxLength={200}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          data-testid="simulator-words"
        />
        <Button
          type="submit"
          className={classes.say ?? ""}
          disabled={!words.trim()}
          data-testid="simulator-say"
        >
          {t("simulator.say")}
        </Button>
      </Form>
      {phrases.length > 0 && (
        <Group gap={4} role="group" aria-label={t("simulator.phrases")}>
          {phrases.map((phrase) => (
            <Button
              key={phrase}
              size="compact-sm"
              variant="default"
              onClick={() => say(phrase)}
              data-testid={`simulator-phrase-${phrase}`}
            >
              <bdi>{phrase}</bdi>
            </Button>
          ))}
        </Group>
      )}
    </>
  );
}

function HttpAnswer({ waiting, onGive }: Props) {
  const t = useText();
  const [body, setBody] = useState("{}");
  return (
    <>
      <p className={classes.request} dir="ltr">
        {waiting.method} {waiting.url}
        {waiting.body && `\n${waiting.body}`}
      </p>
      <Textarea
        label={t("simulator.answer")}
        autosize
        minRows={2}
        maxRows={8}
        dir="ltr"
        spellCheck={false}
        value={body}
        onChange={(event) => setBody(event.currentTarget.value)}
        data-testid="simulator-answer"
      />
      <Button onClick={() => onGive({ httpAnswer: body })} data-testid="simulator-http-answer">
        {t("simulator.giveAnswer")}
      </Button>
      <Button
        variant="default"
        onClick={() => onGive({ httpFailure: "503" })}
        data-testid="simulator-http-failure"
      >
        {t("simulator.fails")}
      </Button>
    </>
  );
}

function Outcomes({ waiting, onGive }: Props) {
  const t = useText();
  const outcomes = outcomesFor(waiting);
  const [position, setPosition] = useState<number | string>("");
  const [minutes, setMinutes] = useState<number | string>("");
  const announced = (): SimulationInput => ({
    ...(position ? { position: Number(position) } : {}),
    ...(minutes === "" ? {} : { expectedWait: toDuration(Number(minutes) * 60) }),
  });
  return (
    <>
      {outcomes.some((outcome) => outcome === "queue.waiting") && (
        <SimpleGrid cols={2} spacing="xs">
          <NumberInput
            label={t("simulator.position")}
            min={0}
            max={10_000}
            allowDecimal={false}
            value={position}
            onChange={setPosition}
          />
          <NumberInput
            label={t("simulator.expectedWait")}
            min={0}
            max={1440}
            allowDecimal={false}
            value={minutes}
            onChange={setMinutes}
          />
        </SimpleGrid>
      )}
      {outcomes.map((outcome) => (
        <Button
          key={outcome}
          variant="default"
          onClick={() => onGive(outcomeInput(outcome, outcome === "queue.waiting" ? announced() : {}))}
          data-testid={`simulator-${outcome}`}
        >
          {t(`simulator.${outcome}`)}
        </Button>
      ))}
    </>
  );
}

function HangUp({ onGive }: Omit<Props, "waiting">) {
  const t = useText();
  return (
    <Button
      variant="subtle"
      color="red"
      onClick={() => onGive({ hangUp: true })}
      data-testid="simulator-hang-up"
    >
      {t("simulator.hungUp")}
    </Button>
  );
}
