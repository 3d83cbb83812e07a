import { Combobox, Textarea, useCombobox } from "@mantine/core";
import { useId, useRef, useState } from "react";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { Fault, parsed, quoted, type SkillOf } from "../../../rules/requirements.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { requirementWords, type Speech } from "../../../rules/words.ts";
import { completionAt } from "./completion.ts";
import { faultIn } from "./places.ts";
import classes from "./rules.module.css";

interface Props {
  label: string;
  description?: string;
  value: string;
  onChange: (value: string) => void;
  /** What the server said of it. */
  said?: string | undefined;
  disabled?: boolean;
  testId: string;
}

/** An expression of skills: names are completed, what is wrong is marked at its place, the rest is said in words. */
export function ExpressionField(props: Props) {
  const { value, onChange } = props;
  const speech = useSpeech();
  const box = useCombobox({ onDropdownClose: () => box.resetSelectedOption() });
  const field = useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState(0);
  const belowId = useId();
  const completion = completionAt(value, caret, speech.skillNames);
  const complete = (name: string) => {
    const before = value.slice(0, completion.begin) + quoted(name);
    onChange(before + value.slice(caret));
    box.closeDropdown();
    setCaret(before.length);
    requestAnimationFrame(() => field.current?.setSelectionRange(before.length, before.length));
  };
  const wrong = useFault(value, props.said, speech);
  const follow = (at: number | null) => {
    setCaret(at ?? 0);
    box.resetSelectedOption();
  };
  return (
    <div>
      <Combobox store={box} onOptionSubmit={complete}>
        <Combobox.Target>
          <Textarea
            ref={field}
            label={props.label}
            description={props.description}
            autosize
            minRows={1}
            maxLength={2100}
            spellCheck={false}
            disabled={props.disabled ?? false}
            error={wrong !== undefined}
            value={value}
            onChange={(event) => {
              onChange(event.currentTarget.value);
              follow(event.currentTarget.selectionStart);
              box.openDropdown();
            }}
            onClick={(event) => follow(event.currentTarget.selectionStart)}
            onBlur={() => box.closeDropdown()}
            classNames={{ input: classes.expression ?? "" }}
            aria-describedby={belowId}
            data-testid={props.testId}
          />
        </Combobox.Target>
        <Combobox.Dropdown hidden={completion.names.length === 0}>
          <Combobox.Options aria-label={speech.t("rules.expression.options")}>
            {completion.names.map((name) => (
              <Combobox.Option value={name} key={name}>
                <bdi>{name}</bdi>
              </Combobox.Option>
            ))}
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
      <div id={belowId} aria-live="polite">
        {wrong && <Marked text={value} wrong={wrong} testId={`${props.testId}-wrong`} />}
        {!wrong && value.trim() !== "" && (
          <p className={classes.words} data-testid={`${props.testId}-words`}>
            {speech.t("rules.expression.means", {
              words: requirementWords(parsed(value, speech.skillOf), speech),
            })}
          </p>
        )}
      </div>
    </div>
  );
}

interface Wrong {
  at: number | undefined;
  text: string;
}

/** What is wrong with it: as it reads now, otherwise what the server said of it as it was sent. */
function useFault(
  value: string,
  said: string | undefined,
  { t, language, skillOf }: Speech & { skillOf: SkillOf },
): Wrong | undefined {
  const [sent, setSent] = useState({ said, value });
  if (sent.said !== said) setSent({ said, value });
  const place = (at: number | undefined, what: string) => {
    const number = formatNumber((at ?? 0) + 1, language);
    return { at, text: at === undefined ? what : t("rules.expression.at", { at: number, what }) };
  };
  try {
    parsed(value, skillOf);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return place(error.at, t(`fault.${error.kind}`, { name: isolated(error.skill) }));
  }
  const told = sent.value === value ? faultIn(said) : undefined;
  return told && place(told.at === undefined ? undefined : unitAt(value, told.at), told.what);
}

/** The server counts characters, the browser UTF-16 units. */
const unitAt = (text: string, character: number): number => [...text].slice(0, character).join("").length;

const AROUND = 28;

/** The text around the character at fault, which is marked, and what is wrong with it. */
function Marked({ text, wrong, testId }: { text: string; wrong: Wrong; testId: string }) {
  const { at } = wrong;
  return (
    <div className={classes.wrong} data-testid={testId}>
      {at !== undefined && (
        <code dir="ltr">
          {at > AROUND && "…"}
          {text.slice(Math.max(0, at - AROUND), at)}
          <mark>{text.slice(at, at + 1).trim() || "\u00a0"}</mark>
          {text.slice(at + 1, at + AROUND)}
        </code>
      )}
      <span>{wrong.text}</span>
    </div>
  );
}
